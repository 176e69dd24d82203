//! What holds whatever happens, in any order.

use heartwire::core::{
    connection::{BATCH_BYTES, Epoch, Input, Status, Timer},
    reach::Locality,
};
use proptest::prelude::*;

use super::shell::{ReadyState, Resend, Shell, late_inputs, open, open_at, options, text};

proptest! {
    #[test]
    fn the_invariants_hold_whatever_happens(
        seed in any::<[u64; 2]>(),
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut shell = Shell::seeded(
            options().outbox_limit(8),
            seed,
        );
        for step in steps {
            shell.take(step);
            shell.check_status();
        }
    }

    #[test]
    fn with_every_all_that_was_queued_leaves_in_order_and_reaches_a_server_that_stays(
        seed in any::<[u64; 2]>(),
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut shell = Shell::seeded(options(),
            seed,).resends(Resend::Every);
        for step in steps {
            shell.take(step);
        }
        shell.settle();
        let mut first_of_each = shell.arrived.clone();
        let mut seen = std::collections::HashSet::new();
        first_of_each.retain(|text| seen.insert(text.clone()));
        let outbox = shell.connection.outbox();
        let aside: Vec<_> = outbox.aside().map(text).collect();
        let expected: Vec<_> = shell.typed.iter().filter(|text| !aside.contains(text)).collect();
        first_of_each.retain(|text| !aside.contains(text));
        prop_assert_eq!(first_of_each.iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn with_latest_the_last_text_reaches_a_server_that_stays(
        seed in any::<[u64; 2]>(),
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut shell = Shell::seeded(options().outbox_limit(4), seed);
        for step in steps {
            shell.take(step);
        }
        shell.settle();
        let mut aside = shell.connection.outbox().aside();
        if aside.all(|message| Some(&text(message)) != shell.typed.last()) {
            prop_assert_eq!(shell.arrived.last(), shell.typed.last());
        }
    }

    #[test]
    fn without_resending_what_was_queued_leaves_in_order_and_once(
        seed in any::<[u64; 2]>(),
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut shell = Shell::seeded(options(),
            seed,).resends(Resend::Off);
        for step in steps {
            shell.take(step);
        }
        shell.settle();
        prop_assert_eq!(shell.messages(), shell.typed);
    }
}

/// Something that happens to a connection.
#[derive(Clone, Debug)]
enum Step {
    Input(Input),
    Stale(Input),
    SocketOpens,
    SocketCloses(u16),
    Receive,
    /// The server reads what was sent so far and answers its heartbeats.
    Answer,
    Type {
        padding: usize,
    },
    Advance(u64),
    Refuses(bool),
    Drains(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => prop::sample::select(vec![
            open(),
            open_at(Locality::Remote),
            Input::Close,
            Input::Retry,
            Input::Woke,
            Input::Left,
            Input::Returned,
        ]).prop_map(Step::Input),
        2 => prop::sample::select(late_inputs(Epoch::default())).prop_map(Step::Stale),
        4 => Just(Step::SocketOpens),
        2 => prop::sample::select(vec![1000, 1001, 1006, 1008, 1012, 4000]).prop_map(Step::SocketCloses),
        2 => Just(Step::Receive),
        2 => Just(Step::Answer),
        3 => Just(Step::Type { padding: 0 }),
        // Some of these make a batch.
        1 => Just(Step::Type { padding: BATCH_BYTES / 3 }),
        3 => (0_u64..40_000).prop_map(Step::Advance),
        1 => any::<bool>().prop_map(Step::Refuses),
        1 => any::<bool>().prop_map(Step::Drains),
    ]
}

impl Shell {
    fn take(&mut self, step: Step) {
        match step {
            Step::Input(input) => self.input(input),
            Step::Stale(input) => {
                // The first epoch is current until something was opened.
                if self.connection.epoch() != Epoch::default() {
                    let before = format!("{:?}", self.connection);
                    self.input(input);
                    assert_eq!(format!("{:?}", self.connection), before);
                }
            }
            Step::SocketOpens => self.socket_opens(),
            Step::SocketCloses(code) => self.socket_closes(code),
            Step::Receive => self.receive("message"),
            Step::Answer => self.answer(),
            Step::Type { padding } => {
                let text = format!("text {}{}", self.typed.len(), " ".repeat(padding));
                self.type_text(&text);
                self.typed.push(text);
            }
            Step::Advance(millis) => self.advance(millis),
            Step::Refuses(refuses) => self.refuses = refuses.then_some(1006),
            Step::Drains(drains) => self.drains = drains,
        }
    }

    fn check_status(&self) {
        let status = self.connection.status();
        let (needed, allowed): (&[Timer], &[Timer]) = match status {
            Status::Connecting { .. } => (&[Timer::Connect], &[]),
            Status::Open { .. } => (&[Timer::Heartbeat], &[Timer::Reply, Timer::Trial]),
            Status::Waiting { .. } => (&[Timer::Reconnect], &[]),
            Status::Idle
            | Status::Away
            | Status::Stopped
            | Status::GaveUp
            | Status::TurnedAway
            | Status::Refused(_) => (&[], &[]),
        };
        for timer in needed {
            assert!(self.timers.contains_key(timer), "{status:?}: no {timer:?}");
        }
        for timer in self.timers.keys() {
            let is_right = needed.contains(timer) || allowed.contains(timer);
            assert!(is_right, "{status:?}: {timer:?}");
        }
        if let Status::Connecting { .. } | Status::Open { .. } = status {
            assert!(self.socket.is_some());
        }
        if self.ready_state == ReadyState::Open {
            assert!(matches!(status, Status::Open { .. }), "{status:?}");
        }
    }
}
