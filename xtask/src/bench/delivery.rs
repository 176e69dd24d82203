//! What arrives of what is typed while connections are killed.

use std::time::Duration;

use super::answer::{Answer, Target};
use crate::delivery::{Backend, Client, Load, Report, Resend};
use crate::peers::Peer;
use crate::table::Table;
use crate::{Error, console};

/// Types into every page while the proxy kills its connections.
pub(super) async fn ask() -> Result<Answer, Error> {
    let mut answer = Answer::new(
        "delivery",
        "What arrives of what is typed while connections are killed?",
    );
    let mut table = Table::new([
        "page",
        "typed",
        "reached",
        "lost",
        "repeated",
        "confirmed",
        "falsely",
        "resets",
    ]);
    let ours = [
        Client::heartwire(Resend::Every, 1000),
        Client::heartwire(Resend::Latest, 200),
    ];
    let clients = [Client::Seed].into_iter().chain(ours);
    let clients = clients.chain(Peer::ALL.map(Client::Peer));
    let (mut lost, mut falsely) = (None, None);
    for client in clients {
        console::say(format_args!("  Delivery, {client}"));
        let report = match Report::of(client, Backend::Echo, LOAD).await {
            Ok(report) => report,
            Err(error) => {
                let mut row = vec![client.to_string(), "failed".to_owned()];
                row.resize(8, "–".to_owned());
                table.push(row);
                answer.notes.push(format!("Failed: {client}: {error}."));
                continue;
            }
        };
        if let Client::Heartwire { resend, .. } = client {
            falsely = falsely.max(Some(report.falsely));
            if resend == Resend::Every {
                lost = Some(report.lost.len());
            }
            let complaints = [report.unfairness(), report.breach()];
            answer.notes.extend(complaints.into_iter().flatten());
        }
        let shown = |number: usize| match report.confirmed {
            Some(_) => number.to_string(),
            None => "–".to_owned(),
        };
        table.push([
            client.to_string(),
            report.typed.to_string(),
            report.reached.to_string(),
            report.lost.len().to_string(),
            report.repeated.to_string(),
            shown(report.confirmed.unwrap_or_default()),
            shown(report.falsely),
            report.kills.to_string(),
        ]);
    }
    let count = |number: Option<usize>| {
        let number = u32::try_from(number?).expect("fewer than were typed");
        Some(f64::from(number))
    };
    answer.targets = vec![
        Target::none("texts lost, `resend=every`", count(lost)),
        Target::none("texts falsely reported as confirmed", count(falsely)),
    ];
    answer.tables.push((
        format!(
            "{} texts, {} ms apart, {} ms of delay each way, a reset every 0.3 to 0.9 s",
            LOAD.texts,
            LOAD.pace.as_millis(),
            LOAD.delay.as_millis()
        ),
        table,
    ));
    answer.notes.push(
        "Which texts are on their way at a reset is chance: the losses of the others differ from run \
         to run. Vue 2 is reset once, and then has no connection any more."
            .to_owned(),
    );
    Ok(answer)
}

/// A quarter of the trial of `cargo xtask soak delivery`, at a third of its pace.
const LOAD: Load = Load {
    texts: 800,
    pace: Duration::from_millis(10),
    delay: Duration::from_millis(20),
    kills: 6,
    awaits_answers: false,
};
