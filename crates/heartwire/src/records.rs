//! What the `log` crate is told: how the connection is, and what went wrong. No address, no message, and
//! no word of the server's or the browser's, since each may hold a secret.

use log::Level;

use crate::{
    Event, Failure, Fate, Status, Trace,
    core::connection::{Loss, Status as CoreStatus},
};

/// Tells of an event that is worth it.
pub(crate) fn tell(event: &Event) {
    if let Some((level, text)) = record(event) {
        log::log!(target: "heartwire", level, "{text}");
    }
}

fn record(event: &Event) -> Option<(Level, String)> {
    Some(match event {
        Event::Status(status) => of_status(status),
        Event::Fate(id, Fate::SetAside) => {
            let text = format!("message {} is set aside", id.number());
            (Level::Warn, text)
        }
        Event::Fate(id, Fate::GivenUp) => {
            let text = format!("message {} may not have arrived", id.number());
            (Level::Debug, text)
        }
        Event::Trace(Trace::Turned {
            before: CoreStatus::Connecting { .. } | CoreStatus::Open { .. },
            after: CoreStatus::Waiting { .. } | CoreStatus::GaveUp,
            loss: Some(loss),
            ..
        }) => (Level::Info, of_loss(loss)),
        Event::Trace(Trace::Distrusted) => {
            let text = "the server says replies unasked: without a mark they prove nothing";
            (Level::Warn, text.to_owned())
        }
        Event::Trace(Trace::PermissionAsked) => {
            (Level::Info, "the browser asks its user".to_owned())
        }
        Event::Trace(Trace::Problem { what, .. }) => (Level::Warn, (*what).to_owned()),
        Event::Message(_)
        | Event::Fate(..)
        | Event::Trace(
            Trace::Turned { .. }
            | Trace::Queued(_)
            | Trace::Transmitted(_)
            | Trace::Noted(..)
            | Trace::Expired(_),
        ) => return None,
        #[cfg(feature = "stomp")]
        Event::Trace(Trace::Head(_)) => return None,
    })
}

fn of_status(status: &Status) -> (Level, String) {
    match status {
        Status::Connecting { attempt } => {
            let text = format!("connecting, {attempt} attempts failed before");
            (Level::Debug, text)
        }
        Status::Open { epoch } => (Level::Info, format!("open, connection {epoch}")),
        Status::Waiting { attempt, .. } => {
            let text = format!("waiting, {attempt} attempts have failed");
            (Level::Debug, text)
        }
        Status::Failed(Failure::TurnedAway(closure)) => {
            (Level::Error, format!("turned away with {}", closure.code))
        }
        Status::Failed(failure) => (Level::Error, format!("failed: {failure:?}")),
        Status::Idle | Status::Away | Status::Closed => (Level::Debug, format!("{status:?}")),
    }
}

fn of_loss(loss: &Loss) -> String {
    let what = match loss {
        Loss {
            was_silent: true, ..
        } => "dropped, since nothing came any more",
        Loss { was_open: true, .. } => "lost",
        Loss { .. } => "refused",
    };
    format!("{what}: {}", loss.closure.code)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::core::connection::Closure;

    #[test]
    fn what_others_say_is_not_told() {
        let closure = Closure {
            code: 4001,
            reason: "secret".into(),
            was_clean: true,
        };
        let loss = Loss {
            closure: closure.clone(),
            was_open: true,
            was_silent: false,
            error: None,
        };
        let zero = Duration::ZERO;
        let events = [
            Event::Status(Status::Failed(Failure::TurnedAway(closure))),
            Event::Trace(Trace::Turned {
                before: CoreStatus::Connecting { since: zero },
                after: CoreStatus::GaveUp,
                loss: Some(loss),
                heard: zero,
            }),
            Event::Trace(Trace::Problem {
                what: "a frame was not sent",
                error: "secret".into(),
            }),
        ];

        let told = events.map(|event| record(&event).map(|(_, text)| text));

        let told = told.each_ref().map(Option::as_deref);
        let expected = [
            "turned away with 4001",
            "lost: 4001",
            "a frame was not sent",
        ];
        assert_eq!(told, expected.map(Some));
    }
}
