//! The connection against every order of what a user, a network, a server and a browser can do,
//! within bounds.
//!
//! The model is the shell without a browser, one network path and one server around the real
//! [`Connection`]. Each step is one thing that happens; stateright takes all steps in all orders.
//! Time passes in the steps [`Step::Expires`] and [`Step::Sleeps`] alone, and two states are the
//! same if their times fall into the same [`span`]s.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used)]

mod checking;

use std::{
    hash::{Hash, Hasher},
    mem,
    time::Duration,
};

use heartwire::{
    Options,
    core::{
        connection::{
            CLOSE_REASON, Closure, Connection, Destination, Effect, Epoch, Input, Refusal, Status,
            Timer,
        },
        heartbeat::Knowledge,
        mark::Marks,
        outbox::{Guarantee, Message, MessageId, Origin},
        protocol::{Frame, Transmit, Trust},
        reach::Locality,
    },
};
use stateright::{Expectation, Model, Property};

use checking::{ORIGIN, explore};

#[test]
fn with_every_each_message_arrives_and_no_proof_is_false() {
    check(Resend::Every, LARGE, Server::Answers, &SHORT);
}

#[test]
fn a_small_outbox_asks_for_proofs_and_refuses_what_it_cannot_keep() {
    check(Resend::Every, SMALL, Server::Answers, &SHORT);
}

#[test]
fn with_latest_the_latest_text_arrives_and_no_proof_is_false() {
    check(Resend::Latest, SMALL, Server::Echoes, &SHORT);
}

#[test]
fn without_resending_what_waited_arrives() {
    check(Resend::Off, LARGE, Server::Answers, &SHORT);
}

#[test]
fn a_server_that_never_answers_confirms_nothing() {
    check(Resend::Latest, SMALL, Server::IsMute, &SHORT);
}

#[test]
fn a_server_that_says_replies_unasked_confirms_nothing_and_is_not_believed() {
    check(Resend::Every, LARGE, Server::Beats, &TALK);
}

#[test]
fn a_server_that_changes_what_it_echoes_returns_marks() {
    check(Resend::Every, LARGE, Server::Changes, &SHORT);
}

#[test]
fn a_server_that_passes_on_heartbeats_of_others_proves_nothing_by_them() {
    check(Resend::Every, LARGE, Server::Relays, &TALK);
}

#[test]
fn a_text_is_set_aside_only_after_three_ends() {
    check(Resend::Every, LARGE, Server::IsMute, &ENDING);
}

#[test]
#[ignore = "takes minutes: cargo xtask soak model"]
fn deep() {
    for (resend, outbox_limit, server) in [
        (Resend::Every, LARGE, Server::Answers),
        (Resend::Every, SMALL, Server::Answers),
        (Resend::Every, SMALL, Server::IsMute),
        (Resend::Latest, SMALL, Server::Echoes),
        (Resend::Latest, SMALL, Server::IsMute),
        (Resend::Off, LARGE, Server::Answers),
        (Resend::Every, SMALL, Server::Changes),
    ] {
        check(resend, outbox_limit, server, &DEEP);
    }
    for server in [Server::Beats, Server::Relays] {
        check(Resend::Every, LARGE, server, &DEEP_TALK);
    }
    check(Resend::Every, LARGE, Server::Answers, &ENDING);
}

/// Explores all states within each of the bounds, and fails with the shortest way to one that breaks
/// a rule, or when something worth a look is never reached.
fn check(resend: Resend, outbox_limit: usize, server: Server, bounds: &[Bounds]) {
    let mut missed = Vec::new();
    for (index, bounds) in bounds.iter().enumerate() {
        let link = Link::new(resend, outbox_limit, server, *bounds);
        let name = format!("{resend:?}, outbox_limit {outbox_limit}, server {server:?}");
        let properties = link.properties();
        let reached = explore(&format!("{name}, {bounds:?}"), link);
        let sometimes = properties
            .iter()
            .filter(|property| property.expectation == Expectation::Sometimes);
        let names = sometimes.map(|property| property.name);
        if index == 0 {
            missed = names.collect();
        }
        missed.retain(|name| !reached.contains(name));
    }
    assert_eq!(missed, [""; 0], "never reached");
}

/// Small enough for the profile of tests, each with more of something else: losses, the user, a dead
/// connection, a sleep, a full outbox, closes that cross.
const SHORT: [Bounds; 6] = [
    Bounds {
        texts: 2,
        connections: 2,
        faults: 1,
        whims: 0,
        expiries: 1,
        sleeps: 0,
        says: 0,
    },
    Bounds {
        texts: 1,
        connections: 2,
        faults: 0,
        whims: 2,
        expiries: 1,
        sleeps: 0,
        says: 0,
    },
    Bounds {
        texts: 0,
        connections: 1,
        faults: 1,
        whims: 0,
        expiries: 4,
        sleeps: 0,
        says: 0,
    },
    Bounds {
        texts: 1,
        connections: 1,
        faults: 0,
        whims: 1,
        expiries: 2,
        sleeps: 1,
        says: 0,
    },
    Bounds {
        texts: 3,
        connections: 1,
        faults: 1,
        whims: 0,
        expiries: 0,
        sleeps: 0,
        says: 0,
    },
    Bounds {
        texts: 1,
        connections: 1,
        faults: 1,
        whims: 1,
        expiries: 0,
        sleeps: 0,
        says: 0,
    },
];

const DEEP: [Bounds; 3] = [
    Bounds {
        texts: 1,
        connections: 1,
        faults: 1,
        whims: 0,
        expiries: 4,
        sleeps: 0,
        says: 0,
    },
    Bounds {
        texts: 2,
        connections: 2,
        faults: 1,
        whims: 1,
        expiries: 2,
        sleeps: 0,
        says: 0,
    },
    Bounds {
        texts: 3,
        connections: 3,
        faults: 2,
        whims: 0,
        expiries: 1,
        sleeps: 0,
        says: 0,
    },
];

/// What a server that talks can do, in few steps.
const TALK: [Bounds; 3] = [
    Bounds {
        texts: 2,
        connections: 1,
        faults: 0,
        whims: 0,
        expiries: 1,
        sleeps: 0,
        says: 1,
    },
    Bounds {
        texts: 1,
        connections: 1,
        faults: 0,
        whims: 1,
        expiries: 1,
        sleeps: 0,
        says: 2,
    },
    Bounds {
        texts: 1,
        connections: 2,
        faults: 1,
        whims: 0,
        expiries: 1,
        sleeps: 0,
        says: 1,
    },
];

const DEEP_TALK: [Bounds; 1] = [Bounds {
    texts: 2,
    connections: 2,
    faults: 1,
    whims: 1,
    expiries: 3,
    sleeps: 0,
    says: 3,
}];

/// One connection after the other ends.
const ENDING: [Bounds; 1] = [Bounds {
    texts: 1,
    connections: 4,
    faults: 3,
    whims: 0,
    expiries: 3,
    sleeps: 0,
    says: 0,
}];

/// How often each thing may happen. All that can happen within these bounds is explored.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Bounds {
    /// Messages written.
    texts: usize,
    /// Sockets made.
    connections: usize,
    /// What network and server do wrong.
    faults: u32,
    /// What the user does beside writing and opening, and what the page tells.
    whims: u32,
    /// Timers that expire.
    expiries: u32,
    /// Times that the machine sleeps, or its timers do.
    sleeps: u32,
    /// Times that the server says something unasked.
    says: u32,
}

/// What is sent again: all, the newest typed text, or nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Resend {
    Every,
    Latest,
    Off,
}

impl Resend {
    fn typed(self) -> Guarantee {
        match self {
            Self::Every => Guarantee::AtLeastOnce,
            Self::Latest => Guarantee::Latest,
            Self::Off => Guarantee::AtMostOnce,
        }
    }

    fn sent(self) -> Guarantee {
        match self {
            Self::Every => Guarantee::AtLeastOnce,
            Self::Latest | Self::Off => Guarantee::AtMostOnce,
        }
    }
}

/// A connection with its options, and the server that it meets.
#[derive(Clone)]
struct Link {
    resend: Resend,
    outbox_limit: usize,
    server: Server,
    bounds: Bounds,
}

/// What the server does with a text that it reads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Server {
    /// Says `pong` to a heartbeat; but it need not.
    Answers,
    /// Says the same.
    Echoes,
    /// Says nothing.
    IsMute,
    /// Says `pong` to a heartbeat, and `pong` and `heartbeat` by itself.
    Beats,
    /// Sends back what it reads, changed. Heartbeats have marks.
    Changes,
    /// The same, and passes on what others say, heartbeats with their marks above all.
    Relays,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    /// The user changes the input field.
    Types,
    /// The user sends a message on purpose.
    Sends,
    Opens,
    Closes,
    Retries,
    Wakes,
    Leaves,
    Returns,
    /// The handshake succeeds.
    Accepts,
    /// The handshake fails.
    Refuses,
    /// The server reads the oldest text that it has not read.
    Reads {
        answers: bool,
    },
    /// The server reads what came over the connection before.
    ReadsLate,
    /// The server says something that is no answer.
    Says {
        /// Which of the texts that it says so.
        which: usize,
    },
    /// The oldest answer reaches the page.
    Delivers,
    /// The server closes, or the network breaks; the `close` is still to come. What the browser
    /// knows of it already, the socket takes no more.
    Ends {
        code: u16,
        is_known: bool,
    },
    /// Nothing passes any more, and nobody is told.
    Dies,
    /// The socket's `close`, of a server or a network that has ended it.
    TellsEnd,
    /// The socket's `close`, as the server's answer to ours.
    AnswersClose,
    /// A timer that is due expires, or the next one in its time.
    Expires(Timer),
    /// An hour passes in which no timer expires.
    Sleeps,
}

/// A connection, the shell that performs its effects, and the world beyond.
#[derive(Clone, Debug)]
struct State {
    connection: Connection,
    now: Duration,
    /// By [`Timer`].
    alarms: [Option<Alarm>; 5],
    world: World,
}

/// A timer that runs.
#[derive(Clone, Copy, Debug)]
struct Alarm {
    epoch: Epoch,
    due: Duration,
    period: Duration,
}

/// What the connection does not know. Messages are numbers in the order in which they were written.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct World {
    left: Bounds,
    /// The one that is not detached.
    socket: Option<Socket>,
    epochs: Vec<Epoch>,
    /// What was sent over the connection before and can still arrive.
    late: Vec<usize>,
    written: usize,
    last_typed: Option<usize>,
    was_refused: bool,
    /// The messages that the server has read, each where it came first.
    arrived: Vec<usize>,
    /// The messages that left the outbox, and how.
    answered: Vec<usize>,
    confirmed: Vec<usize>,
    given_up: Vec<usize>,
    merged: Vec<usize>,
    /// For each message, after how many connections that had taken it and ended by themselves.
    ends: Vec<usize>,
    /// The trust in replies was withdrawn.
    is_distrusted: bool,
    /// The newest message that a socket took.
    newest_taken: Option<usize>,
    /// The user has closed and not opened again.
    is_closed: bool,
    /// The rules that were broken on the way here.
    broken: Vec<&'static str>,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Socket {
    epoch: Epoch,
    phase: Phase,
    fate: Fate,
    /// What the server has not read.
    wire: Vec<Item>,
    /// What the server has said and the page has not been told, and whether it was asked to.
    answers: Vec<(String, bool)>,
    /// Whether anything was sent that a reply could answer.
    has_asked: bool,
    /// The reason of the close that was asked for.
    reason: String,
    /// The newest message that it took.
    newest: Option<usize>,
    /// All that it took.
    taken: Vec<usize>,
    has_repeated: bool,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Phase {
    Connecting,
    Open,
    Closing,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Fate {
    Alive,
    Dead,
    Ending { code: u16, is_known: bool },
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Item {
    Message(usize),
    Heartbeat(String),
}

const ONE_SOCKET: &str = "there are never two live sockets";
const OPEN_ONLY: &str = "nothing is transmitted while not open";
const FINAL_CLOSE: &str = "nothing follows a user's close";
const OWN_TIMERS: &str = "each status has its timers and no other";
const NO_LATE_EVENTS: &str = "late events change nothing";
const IN_ORDER: &str = "a connection carries each message once and in order";
const NONE_SKIPPED: &str = "messages arrive in order and none is skipped";
const TRUE_PROOFS: &str = "confirmed messages have arrived";
const TRUE_ANSWERS: &str = "answered messages have arrived at a server that speaks when asked";
const UNASKED: &str = "a reply that nobody asked for ends the trust in replies";
const NOT_BELIEVED: &str = "a server that says replies unasked is not believed any more";
const SET_ASIDE: &str = "a text is set aside only after three ends";
const COUNTED: &str = "the counts account for every message";
const KEPT: &str = "with every, only a full outbox gives up a message";
const TAKEN: &str = "what no connection took is not given up";
const EVERY_ARRIVES: &str = "with every, each message arrives and is proven";
const LATEST_ARRIVES: &str = "with latest, the latest text arrives and is proven";
const WAITING_ARRIVES: &str = "with off, what waited arrives and is proven";
const DEAD_IS_LEFT: &str = "a dead connection is left in time";

impl Model for Link {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(self)]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        state.add_steps(self, steps);
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let mut next = state.clone();
        next.world.left.pay(step);
        next.take(step, self);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            always(ONE_SOCKET, |_, state| state.keeps(ONE_SOCKET)),
            always(OPEN_ONLY, |_, state| state.keeps(OPEN_ONLY)),
            always(FINAL_CLOSE, |_, state| {
                state.keeps(FINAL_CLOSE) && state.stays_closed()
            }),
            always(OWN_TIMERS, |_, state| state.has_its_timers()),
            always(NO_LATE_EVENTS, |_, state| state.ignores_late_events()),
            always(IN_ORDER, |_, state| state.keeps(IN_ORDER)),
            always(NONE_SKIPPED, |_, state| state.world.skips_none()),
            always(TRUE_PROOFS, |_, state| {
                let arrived = &state.world.arrived;
                let mut confirmed = state.world.confirmed.iter();
                confirmed.all(|number| arrived.contains(number))
            }),
            always(TRUE_ANSWERS, |link, state| {
                let arrived = &state.world.arrived;
                let mut answered = state.world.answered.iter();
                link.speaks_unasked() || answered.all(|number| arrived.contains(number))
            }),
            always(UNASKED, |_, state| state.keeps(UNASKED)),
            always(NOT_BELIEVED, |_, state| {
                state.believes_nothing_after_distrust()
            }),
            always(SET_ASIDE, |_, state| {
                let aside = state.connection.outbox().aside();
                let mut numbers = aside.map(|message| Self::number(text(message)));
                numbers.all(|number| state.world.ends[number] >= 3)
            }),
            always(COUNTED, |_, state| {
                state.keeps(COUNTED) && state.counts_all()
            }),
            always(TAKEN, |_, state| {
                state.world.given_up.last().copied() <= state.world.newest_taken
            }),
            always(DEAD_IS_LEFT, |link, state| state.leaves_the_dead(link)),
            sometimes("a connection can be read after its end", |_, state| {
                state.world.socket.is_some() && !state.world.late.is_empty()
            }),
        ];
        if self.bounds.faults != ENDING[0].faults {
            properties.push(sometimes("a final code turns away", |_, state| {
                state.connection.status() == Status::TurnedAway
            }));
        }
        match self.resend {
            Resend::Every => properties.extend([
                always(KEPT, |_, state| state.keeps(KEPT)),
                // Nothing is promised where what the server says by itself may pass for an answer.
                always(EVERY_ARRIVES, |link, state| {
                    link.server == Server::Beats || state.settled(link).has_delivered(link)
                }),
            ]),
            Resend::Latest => properties.push(always(LATEST_ARRIVES, |link, state| {
                let settled = state.settled(link);
                let World {
                    last_typed,
                    arrived,
                    ..
                } = &settled.world;
                settled.has_delivered(link)
                    && last_typed.is_none_or(|number| arrived.contains(&number))
            })),
            Resend::Off => properties.push(always(WAITING_ARRIVES, |link, state| {
                state.settled(link).has_delivered(link)
            })),
        }
        properties.extend(self.worth_a_look());
        properties
    }
}

fn always(name: &'static str, condition: fn(&Link, &State) -> bool) -> Property<Link> {
    Property::always(name, condition)
}

fn sometimes(name: &'static str, condition: fn(&Link, &State) -> bool) -> Property<Link> {
    Property::sometimes(name, condition)
}

impl Link {
    /// What has to be reached, or the rules say nothing.
    fn worth_a_look(&self) -> Vec<Property<Self>> {
        let mut properties = Vec::new();
        if self.resend != Resend::Off && self.bounds.faults > 0 {
            properties.push(sometimes("a message is sent again", |_, state| {
                let socket = &state.world.socket;
                socket.as_ref().is_some_and(|socket| socket.has_repeated)
            }));
        }
        if self.resend != Resend::Every || self.outbox_limit == SMALL {
            properties.push(sometimes("a message is given up", |_, state| {
                !state.world.given_up.is_empty()
            }));
        }
        if self.bounds.faults >= 3 {
            properties.push(sometimes("a message is set aside", |_, state| {
                state.connection.outbox().aside().len() > 0
            }));
        } else if self.server == Server::Beats {
            properties.push(sometimes("the trust in replies ends", |_, state| {
                state.world.is_distrusted
            }));
        } else if self.has_marks() {
            properties.push(sometimes("a mark confirms", |link, state| {
                state.world.left.whims == link.bounds.whims && !state.world.confirmed.is_empty()
            }));
        } else if self.server != Server::IsMute {
            properties.extend([
                sometimes("a message is answered", |_, state| {
                    !state.world.answered.is_empty()
                }),
                sometimes("a clean close confirms", |link, state| {
                    let World {
                        left, confirmed, ..
                    } = &state.world;
                    left.expiries == link.bounds.expiries
                        && left.whims + 1 == link.bounds.whims
                        && state.connection.status() == Status::Stopped
                        && !confirmed.is_empty()
                }),
                sometimes("a dead connection is dropped", |_, state| {
                    let loss = state.connection.last_loss();
                    loss.is_some_and(|loss| loss.was_silent)
                }),
            ]);
        }
        if self.outbox_limit == SMALL {
            properties.extend([
                sometimes("texts are merged", |_, state| {
                    !state.world.merged.is_empty()
                }),
                sometimes("a message is refused", |_, state| state.world.was_refused),
                sometimes("half an outbox asks for a proof", |link, state| {
                    let World { left, socket, .. } = &state.world;
                    left.expiries == link.bounds.expiries
                        && left.whims == link.bounds.whims
                        && socket.as_ref().is_some_and(|socket| socket.has_asked)
                }),
            ]);
        }
        properties
    }

    fn new(resend: Resend, outbox_limit: usize, server: Server, bounds: Bounds) -> Self {
        Self {
            resend,
            outbox_limit,
            server,
            bounds,
        }
    }

    fn options(&self) -> Options {
        let options = Options::new()
            .prove_within(None)
            .outbox_limit(self.outbox_limit);
        if self.has_marks() {
            options.heartbeat_text("beat {n}")
        } else {
            options
        }
    }

    fn has_marks(&self) -> bool {
        matches!(self.server, Server::Changes | Server::Relays)
    }

    fn speaks_unasked(&self) -> bool {
        self.bounds.says > 0
    }

    /// What the server says by itself.
    fn unasked(&self) -> Vec<String> {
        let others = Marks::new([3, 4]).draw().text();
        match self.server {
            Server::Beats => vec![HEARTBEAT.into(), "pong".into()],
            Server::Relays => vec![
                format!("beat {others}"),
                format!("bob: {others}"),
                "pong".into(),
            ],
            Server::Answers | Server::Echoes | Server::IsMute | Server::Changes => Vec::new(),
        }
    }

    /// What a message says. The second one looks like a heartbeat.
    fn text(number: usize) -> String {
        match number {
            1 => HEARTBEAT.into(),
            _ => number.to_string(),
        }
    }

    fn number(text: &str) -> usize {
        text.parse().unwrap_or(1)
    }

    /// What the server says to a text, if it does.
    fn answer(&self, item: &Item) -> Option<String> {
        let text = match item {
            Item::Message(number) => Self::text(*number),
            Item::Heartbeat(text) => text.clone(),
        };
        match self.server {
            Server::Answers | Server::Beats => (text == HEARTBEAT).then(|| "pong".into()),
            Server::Echoes => Some(text),
            Server::IsMute => None,
            Server::Changes | Server::Relays => Some(format!("GOT: {}!", text.to_uppercase())),
        }
    }
}

impl Bounds {
    fn pay(&mut self, step: Step) {
        match step {
            Step::Types | Step::Sends => self.texts -= 1,
            Step::Closes | Step::Retries | Step::Wakes | Step::Leaves => self.whims -= 1,
            Step::Refuses | Step::Ends { .. } | Step::Dies => self.faults -= 1,
            Step::Expires(_) => self.expiries -= 1,
            Step::Sleeps => self.sleeps -= 1,
            Step::Says { .. } => self.says -= 1,
            // Each of these follows one of the above, or what was written.
            Step::Opens
            | Step::Returns
            | Step::Accepts
            | Step::Reads { .. }
            | Step::ReadsLate
            | Step::Delivers
            | Step::TellsEnd
            | Step::AnswersClose => {}
        }
    }
}

impl State {
    fn new(link: &Link) -> Self {
        Self {
            connection: Connection::new(link.options(), [1, 2]),
            now: ORIGIN,
            alarms: [None; 5],
            world: World {
                left: link.bounds,
                socket: None,
                epochs: Vec::new(),
                late: Vec::new(),
                written: 0,
                last_typed: None,
                was_refused: false,
                arrived: Vec::new(),
                answered: Vec::new(),
                confirmed: Vec::new(),
                given_up: Vec::new(),
                merged: Vec::new(),
                ends: Vec::new(),
                is_distrusted: false,
                newest_taken: None,
                is_closed: false,
                broken: Vec::new(),
            },
        }
    }

    /// All that can happen next.
    fn add_steps(&self, link: &Link, steps: &mut Vec<Step>) {
        let World {
            left,
            socket,
            late,
            epochs,
            ..
        } = &self.world;
        let status = self.connection.status();
        let may_connect = epochs.len() < left.connections;
        if left.texts > 0 {
            steps.extend([Step::Types, Step::Sends]);
        }
        // What has no meaning in a status is left out; `stays_closed` and `tests/connection.rs`
        // show that it changes nothing.
        let (free, whims): (&[Step], &[Step]) = match status {
            Status::Idle
            | Status::GaveUp
            | Status::TurnedAway
            | Status::Refused(_)
            | Status::Stopped => (&[Step::Opens], &[]),
            Status::Connecting { .. } => (&[], &[Step::Closes, Step::Leaves, Step::Wakes]),
            Status::Open { .. } => (
                &[],
                &[Step::Closes, Step::Leaves, Step::Wakes, Step::Retries],
            ),
            Status::Waiting { .. } => (
                &[Step::Opens],
                &[Step::Closes, Step::Leaves, Step::Wakes, Step::Retries],
            ),
            Status::Away => (&[Step::Returns], &[Step::Closes, Step::Wakes]),
        };
        if may_connect {
            steps.extend(free);
        }
        if left.whims > 0 {
            steps.extend(whims);
        }
        if !late.is_empty() {
            steps.push(Step::ReadsLate);
        }
        if let Some(socket) = socket {
            let first = steps.len();
            socket.add_steps(left.faults > 0, steps);
            if link.bounds.faults == ENDING[0].faults {
                // One kind of end is enough where it is counted.
                let is_needless = |step: &Step| match step {
                    Step::Ends { code, is_known } => *code != 1006 || *is_known,
                    Step::Dies | Step::Refuses => true,
                    Step::Types
                    | Step::Sends
                    | Step::Opens
                    | Step::Closes
                    | Step::Retries
                    | Step::Wakes
                    | Step::Leaves
                    | Step::Returns
                    | Step::Accepts
                    | Step::Reads { .. }
                    | Step::ReadsLate
                    | Step::Says { .. }
                    | Step::Delivers
                    | Step::TellsEnd
                    | Step::AnswersClose
                    | Step::Expires(_)
                    | Step::Sleeps => false,
                };
                let kept: Vec<_> = steps
                    .drain(first..)
                    .filter(|step| !is_needless(step))
                    .collect();
                steps.extend(kept);
            }
            if left.says > 0 && socket.phase == Phase::Open && socket.fate == Fate::Alive {
                steps.extend((0..link.unasked().len()).map(|which| Step::Says { which }));
            }
        }
        if left.expiries > 0 {
            for timer in TIMERS {
                if self.may_expire(timer) && (timer != Timer::Reconnect || may_connect) {
                    steps.push(Step::Expires(timer));
                }
            }
        }
        if left.sleeps > 0 && self.alarms.iter().any(Option::is_some) {
            steps.push(Step::Sleeps);
        }
    }

    /// Whether a timer is due, or will be before all others.
    fn may_expire(&self, timer: Timer) -> bool {
        let next = self.alarms.iter().flatten().map(|alarm| alarm.due).min();
        self.alarms[timer as usize]
            .is_some_and(|alarm| alarm.due <= self.now || Some(alarm.due) == next)
    }

    fn take(&mut self, step: Step, link: &Link) {
        match step {
            Step::Types | Step::Sends => self.write(step == Step::Types, link),
            Step::Opens => {
                self.world.is_closed = false;
                self.input(
                    Input::Open(Destination {
                        locality: Locality::Remote,
                        is_new: false,
                        speaks_otherwise: false,
                        learned: None,
                        is_distrusted: false,
                    }),
                    link,
                );
            }
            Step::Closes => {
                self.world.is_closed = true;
                self.input(Input::Close, link);
            }
            Step::Retries => self.input(Input::Retry, link),
            Step::Wakes => self.input(Input::Woke, link),
            Step::Leaves => self.input(Input::Left, link),
            Step::Returns => self.input(Input::Returned, link),
            Step::ReadsLate => {
                let number = self.world.late.remove(0);
                self.world.arrive(number);
            }
            Step::Expires(timer) => self.expire(timer, link),
            Step::Sleeps => self.now += Duration::from_secs(3_600),
            Step::Accepts
            | Step::Refuses
            | Step::Reads { .. }
            | Step::Says { .. }
            | Step::Delivers
            | Step::Ends { .. }
            | Step::Dies
            | Step::TellsEnd
            | Step::AnswersClose => self.take_socket(step, link),
        }
    }

    /// Takes a step of the socket or of what is beyond it.
    fn take_socket(&mut self, step: Step, link: &Link) {
        let Some(socket) = &mut self.world.socket else {
            return;
        };
        let epoch = socket.epoch;
        match step {
            Step::Accepts => {
                socket.phase = Phase::Open;
                self.input(Input::Opened(epoch), link);
            }
            Step::Refuses => self.end(1006, link),
            Step::Reads { answers } => {
                let item = socket.wire.remove(0);
                if answers {
                    let answer = link.answer(&item);
                    socket.answers.extend(answer.map(|text| (text, true)));
                }
                if let Item::Message(number) = item {
                    self.world.arrive(number);
                }
            }
            Step::Says { which } => {
                socket
                    .answers
                    .push((link.unasked().swap_remove(which), false));
            }
            Step::Delivers => {
                let (text, is_asked) = socket.answers.remove(0);
                let is_told = is_asked || socket.has_asked || link.has_marks();
                self.input(Input::Received(epoch, Frame::Text(text)), link);
                let trust = self.connection.trust();
                if !is_told && trust != Trust::Withdrawn {
                    self.world.breaks(UNASKED);
                }
                self.world.is_distrusted |= trust == Trust::Withdrawn;
            }
            Step::Ends { code, is_known } => socket.fate = Fate::Ending { code, is_known },
            Step::Dies => socket.fate = Fate::Dead,
            Step::TellsEnd => {
                let code = match socket.fate {
                    Fate::Ending { code, .. } => code,
                    Fate::Alive | Fate::Dead => 1006,
                };
                self.end(code, link);
            }
            Step::AnswersClose => {
                let reason = socket.reason.clone();
                self.end_with(1000, &reason, link);
            }
            Step::Types
            | Step::Sends
            | Step::Opens
            | Step::Closes
            | Step::Retries
            | Step::Wakes
            | Step::Leaves
            | Step::Returns
            | Step::ReadsLate
            | Step::Expires(_)
            | Step::Sleeps => {}
        }
    }

    /// The server's own reason is one that a page could give, as far as anybody can know.
    fn end(&mut self, code: u16, link: &Link) {
        self.end_with(code, CLOSE_REASON, link);
    }

    fn end_with(&mut self, code: u16, reason: &str, link: &Link) {
        if let Some(socket) = &self.world.socket {
            let closure = Closure {
                code,
                reason: reason.into(),
                was_clean: code != 1006,
            };
            self.input(Input::Closed(socket.epoch, closure), link);
        }
    }

    fn expire(&mut self, timer: Timer, link: &Link) {
        if let Some(alarm) = &mut self.alarms[timer as usize] {
            self.now = self.now.max(alarm.due);
            let epoch = alarm.epoch;
            if timer == Timer::Heartbeat {
                alarm.due = self.now + alarm.period;
            } else {
                self.alarms[timer as usize] = None;
            }
            self.input(Input::TimerExpired(epoch, timer), link);
        }
    }

    fn write(&mut self, is_typed: bool, link: &Link) {
        let (kept, _) = self.kept();
        // A typed text takes the place of another.
        let may_give_up = kept.len() >= link.outbox_limit
            && (is_typed || !self.connection.heartbeat().is_answered(self.now));
        let (text, now) = (Link::text(self.world.written), self.now);
        let mut is_refused = false;
        let given_up = self.account(|connection| {
            if is_typed {
                let _ = connection.type_text(text, link.resend.typed(), now);
            } else {
                is_refused = connection.send(text, link.resend.sent(), now).is_err();
            }
        });
        if given_up > 0 && !may_give_up && link.resend == Resend::Every {
            self.world.breaks(KEPT);
        }
        self.world.was_refused |= is_refused;
        if !is_refused {
            if is_typed {
                self.world.last_typed = Some(self.world.written);
            }
            self.world.written += 1;
            self.world.ends.push(0);
        }
        self.drain(link);
    }

    fn input(&mut self, input: Input, link: &Link) {
        self.handle(input, link);
        self.drain(link);
    }

    fn handle(&mut self, input: Input, link: &Link) {
        let now = self.now;
        let given_up = self.account(|connection| connection.handle_input(input, now));
        if given_up > 0 && link.resend == Resend::Every {
            self.world.breaks(KEPT);
        }
    }

    /// Makes a call and notes which messages left the outbox by it, and how; returns how many were
    /// given up.
    fn account(&mut self, call: impl FnOnce(&mut Connection)) -> usize {
        let (before, repeats_before) = self.kept();
        let old = self.connection.outbox().delivery();
        let merged_before = self.connection.outbox().merged();
        call(&mut self.connection);
        let (after, repeats_after) = self.kept();
        let new = self.connection.outbox().delivery();
        let merged = self
            .connection
            .outbox()
            .merged()
            .saturating_sub(merged_before);
        // Answers that turned out to tell nothing.
        let doubted = old.answered.saturating_sub(new.answered);
        let answered = (new.answered + doubted) - old.answered;
        let confirmed = new.confirmed - old.confirmed;
        let given_up =
            (new.unconfirmed - repeats_after) - (old.unconfirmed - repeats_before) - doubted;
        if doubted > 0 {
            let doubted = mem::take(&mut self.world.answered);
            self.world.given_up.extend(doubted);
            self.world.given_up.sort_unstable();
        }
        let mut left = before;
        left.retain(|number| !after.contains(number));
        if answered + confirmed + given_up + merged != left.len() as u64 {
            self.world.breaks(COUNTED);
        }
        // What is answered or confirmed is older than what is given up, and that is older than what is
        // merged.
        for (index, number) in (0..).zip(left) {
            let numbers = if index < answered {
                &mut self.world.answered
            } else if index < answered + confirmed {
                &mut self.world.confirmed
            } else if index < answered + confirmed + given_up {
                &mut self.world.given_up
            } else {
                &mut self.world.merged
            };
            numbers.push(number);
            numbers.sort_unstable();
        }
        usize::try_from(given_up).unwrap()
    }

    /// The messages in the outbox, and how many of them wait to be sent again or are set aside.
    fn kept(&self) -> (Vec<usize>, u64) {
        let outbox = self.connection.outbox();
        let stored = outbox.store();
        let mut rest = stored.as_str();
        let mut numbers = Vec::new();
        let mut repeats = outbox.aside().len() as u64;
        let taken = outbox.aside().len() + outbox.delivery().sent;
        while let Some((mark, behind)) = rest.split_once(':') {
            let (kind, length) = mark.split_at(1);
            // The letters tell what is sent again.
            let length = length.trim_start_matches(char::is_alphabetic);
            let (text, behind) = behind.split_at(length.parse().unwrap());
            let is_waiting = numbers.len() >= taken;
            repeats += u64::from(is_waiting && kind.chars().all(char::is_uppercase));
            numbers.push(Link::number(text));
            rest = behind;
        }
        (numbers, repeats)
    }

    fn drain(&mut self, link: &Link) {
        while let Some(effect) = self.connection.poll_effect() {
            if let Some(input) = self.perform(effect) {
                self.handle(input, link);
            }
        }
    }

    fn perform(&mut self, effect: Effect) -> Option<Input> {
        let world = &mut self.world;
        if world.is_closed
            && let Effect::Connect(_)
            | Effect::Transmit(_)
            | Effect::Deliver(_)
            | Effect::SetTimer(..) = effect
        {
            world.breaks(FINAL_CLOSE);
        }
        match effect {
            Effect::Connect(epoch) => {
                world.epochs.push(epoch);
                if world.socket.replace(Socket::new(epoch)).is_some() {
                    world.breaks(ONE_SOCKET);
                }
            }
            Effect::Close(_, reason) => {
                if let Some(socket) = &mut world.socket {
                    socket.phase = Phase::Closing;
                    socket.answers.clear();
                    socket.reason = reason;
                }
            }
            Effect::Disconnect => {
                if let Some(socket) = world.socket.take() {
                    if socket.phase == Phase::Open {
                        for number in &socket.taken {
                            world.ends[*number] += 1;
                        }
                    }
                    world.late = socket.into_late();
                }
            }
            Effect::Transmit(transmit) => return self.transmit(transmit),
            Effect::AwaitDrain(epoch) => return Some(Input::Drained(epoch)),
            Effect::Deliver(_)
            | Effect::Note(..)
            | Effect::Queued(_)
            | Effect::Settled(..)
            | Effect::Head(_)
            | Effect::Distrust => {}
            Effect::SetTimer(epoch, timer, period) => {
                self.alarms[timer as usize] = Some(Alarm {
                    epoch,
                    due: self.now + period,
                    period,
                });
            }
            Effect::StopTimer(timer) => self.alarms[timer as usize] = None,
        }
        None
    }

    fn transmit(&mut self, transmit: Transmit) -> Option<Input> {
        let world = &mut self.world;
        let Some(socket) = &mut world.socket else {
            world.breaks(OPEN_ONLY);
            return None;
        };
        // The connection has asked, whether or not that leaves.
        socket.has_asked |= match &transmit {
            Transmit::Message(message) => text(message) == HEARTBEAT,
            Transmit::Heartbeat(_) => true,
            Transmit::Greeting(_) | Transmit::Answer(_) | Transmit::Control(_) => false,
        };
        if let Fate::Ending { is_known: true, .. } = socket.fate {
            return Some(Input::NotTaken(socket.epoch, transmit));
        }
        let is_open = socket.phase == Phase::Open;
        let mut is_in_order = true;
        match transmit {
            Transmit::Message(message) => {
                let number = Link::number(text(&message));
                is_in_order = socket.newest < Some(number);
                socket.newest = Some(number);
                world.newest_taken = world.newest_taken.max(socket.newest);
                socket.has_repeated |= message.is_repeat;
                socket.taken.push(number);
                socket.wire.push(Item::Message(number));
            }
            Transmit::Heartbeat(text) => socket.wire.push(Item::Heartbeat(text)),
            // The options know none.
            Transmit::Greeting(_) | Transmit::Answer(_) | Transmit::Control(_) => {}
        }
        if !is_open {
            world.breaks(OPEN_ONLY);
        }
        if !is_in_order {
            world.breaks(IN_ORDER);
        }
        None
    }

    /// No step on the way here broke this rule.
    fn keeps(&self, rule: &str) -> bool {
        !self.world.broken.contains(&rule)
    }

    /// Whatever happens but the close of the socket and an opening by the user changes nothing.
    fn stays_closed(&self) -> bool {
        let World {
            is_closed,
            socket,
            epochs,
            ..
        } = &self.world;
        if !is_closed {
            return true;
        }
        let mut connection = self.connection.clone();
        let events = epochs.last().map(|epoch| socket_events(*epoch));
        let told = [Input::Woke, Input::Retry, Input::Left, Input::Returned];
        for input in events.into_iter().flatten().chain(told) {
            connection.handle_input(input, self.now);
        }
        let is_listened_to = |socket: &Socket| socket.phase == Phase::Closing;
        connection.status() == Status::Stopped
            && connection.poll_effect().is_none()
            && format!("{connection:?}") == format!("{:?}", self.connection)
            && socket.as_ref().is_none_or(is_listened_to)
            && self.alarms.iter().all(Option::is_none)
    }

    fn has_its_timers(&self) -> bool {
        let (needed, allowed): (_, &[Timer]) = match self.connection.status() {
            Status::Connecting { .. } => (Some(Timer::Connect), &[]),
            Status::Open { .. } => (Some(Timer::Heartbeat), &[Timer::Reply, Timer::Trial]),
            Status::Waiting { .. } => (Some(Timer::Reconnect), &[]),
            Status::Idle
            | Status::Away
            | Status::Stopped
            | Status::GaveUp
            | Status::TurnedAway
            | Status::Refused(_) => (None, &[]),
        };
        TIMERS.into_iter().all(|timer| {
            let is_set = self.alarms[timer as usize].is_some();
            is_set == (Some(timer) == needed) || allowed.contains(&timer)
        })
    }

    /// Nothing that an earlier socket or its timers tell changes anything.
    fn ignores_late_events(&self) -> bool {
        let Some((_, old)) = self.world.epochs.split_last() else {
            return true;
        };
        if old.is_empty() {
            return true;
        }
        let mut connection = self.connection.clone();
        let later = self.now + Duration::from_secs(3_600);
        for epoch in old {
            for input in socket_events(*epoch).into_iter().chain([closed(*epoch)]) {
                connection.handle_input(input, later);
            }
        }
        connection.poll_effect().is_none()
            && format!("{connection:?}") == format!("{:?}", self.connection)
    }

    fn counts_all(&self) -> bool {
        let World {
            written,
            answered,
            confirmed,
            given_up,
            merged,
            ..
        } = &self.world;
        let (kept, repeats) = self.kept();
        let delivery = self.connection.outbox().delivery();
        delivery.answered == answered.len() as u64
            && delivery.confirmed == confirmed.len() as u64
            && delivery.unconfirmed == given_up.len() as u64 + repeats
            && (delivery.queued + delivery.sent) as u64 + repeats == kept.len() as u64
            && answered.len() + confirmed.len() + given_up.len() + merged.len() + kept.len()
                == *written
    }

    fn believes_nothing_after_distrust(&self) -> bool {
        let heartbeat = self.connection.heartbeat();
        !self.world.is_distrusted
            || (self.connection.trust() == Trust::Withdrawn
                && self.connection.outbox().delivery().answered == 0
                && heartbeat.round_trip().is_none()
                && heartbeat.knowledge(self.now) != Knowledge::Answers)
    }

    /// A connection over which nothing comes is left, if its server used to answer.
    fn leaves_the_dead(&self, link: &Link) -> bool {
        let is_dead = |socket: &Socket| socket.phase == Phase::Open && socket.fate == Fate::Dead;
        let answers = matches!(
            self.connection.heartbeat().knowledge(self.now),
            Knowledge::Answers | Knowledge::Lost { .. }
        );
        if !answers || !self.world.socket.as_ref().is_some_and(is_dead) {
            return true;
        }
        let mut later = self.clone();
        let epoch = self.connection.epoch();
        // After a sleep all is due at once, and the wait for the reply starts over.
        let limit = self.now + Duration::from_secs(30 + 10 + 10);
        for _ in 0..MOST_STEPS {
            let next = TIMERS.into_iter().find(|timer| later.may_expire(*timer));
            let Some(timer) = next else { return false };
            later.expire(timer, link);
            if !matches!(later.connection.status(), Status::Open { .. }) {
                return later.connection.epoch() == epoch && later.now <= limit;
            }
        }
        false
    }

    /// What becomes of it when the user wants a connection and nothing goes wrong any more.
    fn settled(&self, link: &Link) -> Self {
        let mut state = self.clone();
        for _ in 0..MOST_STEPS {
            let Some(step) = state.next_good_step(link) else {
                break;
            };
            state.take(step, link);
        }
        state
    }

    fn next_good_step(&self, link: &Link) -> Option<Step> {
        match self.connection.status() {
            Status::Idle
            | Status::Stopped
            | Status::GaveUp
            | Status::TurnedAway
            | Status::Refused(_) => return Some(Step::Opens),
            Status::Away => return Some(Step::Returns),
            Status::Waiting { .. } => return Some(Step::Expires(Timer::Reconnect)),
            Status::Connecting { .. } | Status::Open { .. } => {}
        }
        let socket = self.world.socket.as_ref()?;
        if socket.fate != Fate::Alive {
            return Some(Step::TellsEnd);
        }
        if socket.phase == Phase::Connecting {
            return Some(Step::Accepts);
        }
        if !socket.answers.is_empty() {
            return Some(Step::Delivers);
        }
        if !socket.wire.is_empty() {
            return Some(Step::Reads { answers: true });
        }
        if self.alarms[Timer::Trial as usize].is_some() {
            return Some(Step::Expires(Timer::Trial));
        }
        let kept = self.kept().0.len() - self.connection.outbox().aside().len();
        (kept > 0 && self.is_answered(link)).then_some(Step::Expires(Timer::Heartbeat))
    }

    /// Whether what is sent is answered or confirmed.
    fn is_answered(&self, link: &Link) -> bool {
        link.server != Server::IsMute && !self.world.is_distrusted
    }

    /// Everything arrived but what was given up, merged or set aside, and is proven if the server answers.
    fn has_delivered(&self, link: &Link) -> bool {
        let World {
            written,
            arrived,
            given_up,
            merged,
            ..
        } = &self.world;
        let aside = self.connection.outbox().aside();
        let aside: Vec<_> = aside.map(text).map(Link::number).collect();
        let has_arrived = (0..*written).all(|number| {
            [arrived, given_up, merged, &aside]
                .iter()
                .any(|numbers| numbers.contains(&number))
        });
        has_arrived && (self.kept().0.len() == aside.len() || !self.is_answered(link))
    }

    /// The connection as text, with times as [`span`]s.
    fn text(&self) -> String {
        checking::text(&self.connection, |time| span(time, self.now).into())
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.text().hash(hasher);
        self.world.hash(hasher);
        for alarm in &self.alarms {
            let alarm = alarm.map(|alarm| (alarm.epoch, span(alarm.due, self.now)));
            alarm.hash(hasher);
        }
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.world == other.world && self.text() == other.text()
    }
}

impl World {
    fn breaks(&mut self, rule: &'static str) {
        if !self.broken.contains(&rule) {
            self.broken.push(rule);
        }
    }

    fn arrive(&mut self, number: usize) {
        if !self.arrived.contains(&number) {
            self.arrived.push(number);
        }
    }

    /// Whether what arrived is in order, and nothing older is missing but what was given up or
    /// merged. What was given up may still arrive out of order, over the connection before.
    fn skips_none(&self) -> bool {
        let mut arrived = self.arrived.clone();
        arrived.retain(|number| !self.given_up.contains(number));
        let newest = arrived.last().copied().unwrap_or(0);
        arrived.is_sorted()
            && (0..newest).all(|number| {
                [&self.arrived, &self.given_up, &self.merged]
                    .iter()
                    .any(|numbers| numbers.contains(&number))
            })
    }
}

impl Socket {
    fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            phase: Phase::Connecting,
            fate: Fate::Alive,
            wire: Vec::new(),
            answers: Vec::new(),
            has_asked: false,
            reason: String::new(),
            newest: None,
            taken: Vec::new(),
            has_repeated: false,
        }
    }

    fn add_steps(&self, may_fail: bool, steps: &mut Vec<Step>) {
        let is_alive = self.fate == Fate::Alive;
        match self.phase {
            Phase::Connecting => {
                steps.push(Step::Accepts);
                if may_fail {
                    steps.push(Step::Refuses);
                }
                return;
            }
            Phase::Open => {
                if self.fate != Fate::Dead && !self.answers.is_empty() {
                    steps.push(Step::Delivers);
                }
            }
            Phase::Closing => {
                if is_alive && self.wire.is_empty() {
                    steps.push(Step::AnswersClose);
                }
            }
        }
        if !is_alive {
            // Of a dead connection the browser tells in the end.
            steps.push(Step::TellsEnd);
            return;
        }
        if !self.wire.is_empty() {
            steps.extend([true, false].map(|answers| Step::Reads { answers }));
        }
        if may_fail {
            steps.push(Step::Dies);
            for code in ENDS {
                steps.extend([true, false].map(|is_known| Step::Ends { code, is_known }));
            }
        }
    }

    /// The messages that can still arrive. A server that has closed reads no more.
    fn into_late(self) -> Vec<usize> {
        if let Fate::Ending {
            code: 1000 | 1008, ..
        } = self.fate
        {
            return Vec::new();
        }
        let numbers = self.wire.into_iter().filter_map(|item| match item {
            Item::Message(number) => Some(number),
            Item::Heartbeat(_) => None,
        });
        numbers.collect()
    }
}

fn text(message: &Message) -> &str {
    message.payload.text().unwrap_or_default()
}

/// Everything but a close that a socket and its timers can tell.
fn socket_events(epoch: Epoch) -> Vec<Input> {
    let message = Message {
        id: MessageId::default(),
        payload: "late".into(),
        origin: Origin::Typed,
        guarantee: Guarantee::AtLeastOnce,
        is_repeat: false,
        ends: 0,
        name: None,
    };
    let mut events = vec![
        Input::Opened(epoch),
        Input::Received(epoch, Frame::Text(HEARTBEAT.into())),
        Input::Received(epoch, Frame::Text("pong".into())),
        Input::NotTaken(epoch, Transmit::Message(message)),
        Input::Refused(epoch, Refusal::Forbidden),
        Input::Drained(epoch),
    ];
    events.extend(TIMERS.map(|timer| Input::TimerExpired(epoch, timer)));
    events
}

/// A clean close, which proves the most.
fn closed(epoch: Epoch) -> Input {
    Input::Closed(
        epoch,
        Closure {
            code: 1000,
            reason: CLOSE_REASON.into(),
            was_clean: true,
        },
    )
}

/// How far a time is from now, as far as it can decide anything: there are limits at 1 s (a timer
/// is late), 1.5 s and 3 s (a reply is), 10 s (a connection is stable, a handshake too long) and
/// 15 s (half a period); and at 0.3 s ahead, where a wait is cut short.
fn span(time: Duration, now: Duration) -> char {
    let past = now.saturating_sub(time).as_millis();
    let ahead = time.saturating_sub(now).as_millis();
    match (past, ahead) {
        (0, 0) => '=',
        (0, 1..=300) => '+',
        (0, _) => '>',
        (1..=1_000, _) => 'a',
        (1_001..=3_000, _) => 'b',
        (3_001..10_000, _) => 'c',
        (10_000..=11_000, _) => 'd',
        (11_001..=15_000, _) => 'e',
        _ => 'f',
    }
}

const HEARTBEAT: &str = "heartbeat";

/// The codes with which a connection ends that was not asked to.
const ENDS: [u16; 3] = [1000, 1006, 1008];

const TIMERS: [Timer; 5] = [
    Timer::Connect,
    Timer::Heartbeat,
    Timer::Reply,
    Timer::Reconnect,
    Timer::Trial,
];

/// No state within the bounds needs as many to settle.
const MOST_STEPS: u32 = 100;

/// The outbox in which the early heartbeat, merging and refusals are reached.
const SMALL: usize = 2;

/// One in which they are not.
const LARGE: usize = 10;
