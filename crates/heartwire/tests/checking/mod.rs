//! What the models of a connection have in common.

use std::{
    fmt::{Debug, Write},
    hash::Hash,
    time::{Duration, Instant},
};

use heartwire::core::connection::Connection;
use stateright::{Checker, Expectation, Model};

/// Larger than any duration in use, so that a time can be told from a duration.
pub(crate) const ORIGIN: Duration = Duration::from_secs(1_000_000);

/// Explores all states of each of the models, which have names.
///
/// # Panics
///
/// When a rule can be broken, with the shortest way to a state that breaks it; when none of the models reaches
/// something that the first one has as worth a look.
pub(crate) fn explore_all<M>(models: impl IntoIterator<Item = (String, M)>)
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync + 'static,
    M::Action: Clone + Debug + PartialEq + Send + Sync,
{
    let mut missed = None;
    for (name, model) in models {
        let properties = model.properties().into_iter();
        let sometimes =
            properties.filter(|property| property.expectation == Expectation::Sometimes);
        let worth_a_look: Vec<_> = sometimes.map(|property| property.name).collect();
        let reached = explore(&name, model);
        missed
            .get_or_insert(worth_a_look)
            .retain(|name| !reached.contains(name));
    }
    assert_eq!(missed.unwrap_or_default(), [""; 0], "never reached");
}

/// Explores all states; returns the properties of something worth a look that was reached.
#[expect(clippy::disallowed_methods, reason = "the host has a clock")]
fn explore<M>(name: &str, model: M) -> Vec<&'static str>
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync + 'static,
    M::Action: Clone + Debug + PartialEq + Send + Sync,
{
    let properties = model.properties();
    let started = Instant::now();
    let checker = model.checker().spawn_bfs().join();
    println!(
        "{name}: {} states, {} of them distinct, depth {}, in {:.1?}",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
        started.elapsed()
    );
    let mut reached = checker.discoveries();
    let mut broken = String::new();
    for property in &properties {
        if property.expectation == Expectation::Always
            && let Some(path) = reached.remove(property.name)
        {
            let steps = path.into_actions();
            let _ = writeln!(broken, "broken: {}\nafter: {steps:?}", property.name);
        }
    }
    assert!(broken.is_empty(), "{name}\n{broken}");
    reached.into_keys().collect()
}

/// A connection as text, without what decides nothing here. Times since [`ORIGIN`] are told by `tell`.
///
/// # Panics
///
/// When a connection is no more what this knows of it.
pub(crate) fn text(connection: &Connection, tell: impl Fn(Duration) -> String) -> String {
    let debug = format!("{connection:?}");
    let after = |text: &str| debug.find(text).unwrap();
    // The options come first, and counters of no consequence last.
    let parts = [
        &debug[after(", status: ")..after(", rng: ")],
        &debug[after(", heartbeat: Heartbeat {")..after(", silence: ")],
        &debug[after(", protocol: ")..debug.rfind(", sent: ").unwrap()],
    ];
    let mut text = String::new();
    for part in parts {
        let mut rest = part;
        while let Some(start) = rest.find(|character: char| character.is_ascii_digit()) {
            let (before, number) = rest.split_at(start);
            let is_number = |character: char| character.is_ascii_digit() || character == '.';
            let end = number.find(|character| !is_number(character));
            let (number, behind) = number.split_at(end.unwrap_or(number.len()));
            text.push_str(before);
            match number.parse() {
                Ok(seconds) if seconds >= ORIGIN.as_secs_f64() && behind.starts_with('s') => {
                    text.push_str(&tell(Duration::from_secs_f64(seconds)));
                }
                _ => text.push_str(number),
            }
            rest = behind;
        }
        text.push_str(rest);
    }
    text
}
