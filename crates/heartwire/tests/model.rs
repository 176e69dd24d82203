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
mod model {
    pub(crate) mod bounds;
    mod rules;
    pub(crate) mod server;
    mod shell;
    mod steps;
}

use std::{
    hash::{Hash, Hasher},
    time::Duration,
};

use heartwire::core::{
    connection::{Connection, Epoch, Status, Timer},
    outbox::{Guarantee, Message},
};
use stateright::{Model, Property};

use checking::explore_all;
use model::bounds::{Bounds, DEEP, DEEP_TALK, ENDING, SHORT, TALK};

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
    let name = format!("{resend:?}, outbox_limit {outbox_limit}, server {server:?}");
    explore_all(bounds.iter().map(|bounds| {
        let link = Link {
            resend,
            outbox_limit,
            server,
            bounds: *bounds,
        };
        (format!("{name}, {bounds:?}"), link)
    }));
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
}

impl State {
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

fn text(message: &Message) -> &str {
    message.payload.text().unwrap_or_default()
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

const TIMERS: [Timer; 5] = [
    Timer::Connect,
    Timer::Heartbeat,
    Timer::Reply,
    Timer::Reconnect,
    Timer::Trial,
];

/// The outbox in which the early heartbeat, merging and refusals are reached.
const SMALL: usize = 2;

/// One in which they are not.
const LARGE: usize = 10;
