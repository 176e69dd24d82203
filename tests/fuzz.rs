//! Whatever is read and whatever happens: nothing panics, and what must hold holds.
//!
//! `PROPTEST_CASES=200000 cargo test --release --test fuzz` takes more cases than the usual 256.
#![cfg(not(target_arch = "wasm32"))]

use std::time::Duration;

use heartwire::{
    Options, Payload,
    core::{
        connection::{
            Closure, Connection, Destination, Effect, Epoch, Input, Refusal, Status, Timer,
        },
        outbox::Guarantee,
        protocol::{Frame, PayloadRef, Transmit},
        reach::Locality,
        silence::Learned,
    },
};
use heartwire_page::{
    access::Access,
    address::{Address, Page},
    settings::{Complaint, Layer, Settings, Source},
    strip::{Scene, Strip},
    words::Lang,
};
use proptest::{collection::vec, prelude::*};

proptest! {
    #[test]
    fn any_settings_are_read_and_complaints_name_what_was_given(given in pairs()) {
        let (settings, complaints) = read(&given);
        for complaint in &complaints {
            prop_assert!(given.iter().any(|(name, _)| *name == complaint.setting));
            for lang in Lang::ALL {
                let said = lang.words().complaint(complaint);
                prop_assert!(said.contains(&complaint.setting), "{}", said);
            }
        }
        // What was refused alone is as if it had not been given; a wrong address stays to be mended.
        let mut accepted = given.clone();
        accepted.retain(|(name, _)| {
            let is_refused = |complaint: &Complaint| complaint.setting == *name;
            !complaints.iter().any(is_refused)
        });
        let (again, more) = read(&accepted);
        prop_assert_eq!(more, []);
        let is_alone = |complaint: &Complaint| {
            !["url", "retry_max"].contains(&complaint.setting.as_str())
        };
        if complaints.iter().all(is_alone) {
            prop_assert_eq!(again, settings);
        }
    }

    #[test]
    fn any_connection_bears_anything_at_any_time(
        given in pairs(),
        seed in any::<[u64; 2]>(),
        happenings in vec((happening(), now()), 1..200),
    ) {
        let (settings, _) = read(&given);
        let mut driver = Driver {
            connection: Connection::new(options(&settings), seed),
            epochs: vec![Epoch::default()],
            has_socket: false,
            heartbeat: String::new(),
            reason: String::new(),
            read: 0,
        };
        for (happening, now) in happenings {
            driver.take(happening, now);
            driver.shows(&settings, now);
        }
    }
}

/// Something that happens. Epochs are counted from the newest.
#[derive(Clone, Debug)]
enum Happening {
    Opens {
        is_new: bool,
        learned: Option<Learned>,
        is_distrusted: bool,
    },
    Told(Input),
    Opened(usize),
    Drained(usize),
    Received(usize, Frame),
    Closed(usize, Closure),
    Refused(usize, Refusal),
    Expired(usize, Timer),
    Types(String, Guarantee),
    Sends(Payload, Guarantee),
    Restores(String),
    /// What was set aside first is sent again, or given up.
    Decides {
        sends: bool,
    },
    /// The server sends back the newest heartbeat, or the reason of the close: as it is, or changed.
    Returns {
        is_changed: bool,
    },
    Configures(Vec<(String, String)>),
}

/// Drives a connection as a shell does, without a socket.
struct Driver {
    connection: Connection,
    epochs: Vec<Epoch>,
    has_socket: bool,
    heartbeat: String,
    reason: String,
    /// Messages that the server has read; it reads at once what it gets, unless it is a mute one.
    read: u64,
}

impl Driver {
    fn take(&mut self, happening: Happening, now: Duration) {
        let input = match happening {
            Happening::Opens {
                is_new,
                learned,
                is_distrusted,
            } => Input::Open(Destination {
                speaks_otherwise: is_distrusted,
                locality: Locality::Remote,
                is_new,
                learned,
                is_distrusted,
            }),
            Happening::Told(input) => input,
            Happening::Opened(age) => Input::Opened(self.epoch(age)),
            Happening::Drained(age) => Input::Drained(self.epoch(age)),
            Happening::Received(age, frame) => Input::Received(self.epoch(age), frame),
            Happening::Closed(age, closure) => Input::Closed(self.epoch(age), closure),
            Happening::Expired(age, timer) => Input::TimerExpired(self.epoch(age), timer),
            Happening::Refused(age, refusal) => Input::Refused(self.epoch(age), refusal),
            Happening::Types(text, guarantee) => {
                let _ = self.connection.type_text(text, guarantee, now);
                return self.drain(now);
            }
            Happening::Sends(payload, guarantee) => {
                let _ = self.connection.send(payload, guarantee, now);
                return self.drain(now);
            }
            Happening::Configures(given) => {
                self.connection.configure(options(&read(&given).0));
                return self.drain(now);
            }
            Happening::Decides { sends } => {
                let first = self.connection.outbox().aside().next();
                if let Some(id) = first.map(|message| message.id) {
                    if sends {
                        self.connection.send_again(id, now);
                    } else {
                        self.connection.drop_aside(id);
                    }
                }
                return self.drain(now);
            }
            Happening::Returns { is_changed } => {
                let epoch = self.connection.epoch();
                let closure = Closure {
                    code: 1000,
                    reason: self.reason.clone(),
                    was_clean: !is_changed,
                };
                self.connection
                    .handle_input(Input::Closed(epoch, closure), now);
                let heartbeat = self.heartbeat.clone();
                let text = if is_changed {
                    format!("got: {}!", heartbeat.to_uppercase())
                } else {
                    heartbeat
                };
                Input::Received(epoch, Frame::Text(text))
            }
            Happening::Restores(stored) => {
                let unsaid = [Guarantee::Latest, Guarantee::AtMostOnce];
                self.connection.restore(&stored, unsaid);
                return self.drain(now);
            }
        };
        self.connection.handle_input(input, now);
        self.drain(now);
    }

    fn epoch(&self, age: usize) -> Epoch {
        self.epochs[self.epochs.len().saturating_sub(1 + age % 3)]
    }

    fn drain(&mut self, now: Duration) {
        let mut effects = 0;
        while let Some(effect) = self.connection.poll_effect() {
            effects += 1;
            assert!(effects < 10_000, "no end of effects");
            match effect {
                Effect::Connect(epoch) => {
                    assert!(
                        !std::mem::replace(&mut self.has_socket, true),
                        "two sockets"
                    );
                    self.epochs.push(epoch);
                }
                Effect::Disconnect => {
                    assert!(std::mem::take(&mut self.has_socket), "no socket to drop");
                }
                Effect::Transmit(transmit) => {
                    let is_open = matches!(self.connection.status(), Status::Open { .. });
                    assert!(is_open && self.has_socket, "{transmit:?}");
                    // Some are not taken.
                    let length = match transmit.payload() {
                        PayloadRef::Text(text) => text.len(),
                        PayloadRef::Binary(bytes) => bytes.len(),
                    };
                    if length % 7 == 3 {
                        let input = Input::NotTaken(self.connection.epoch(), transmit);
                        self.connection.handle_input(input, now);
                        continue;
                    }
                    match transmit {
                        Transmit::Heartbeat(text) => self.heartbeat = text,
                        Transmit::Message(_) => self.read += 1,
                        Transmit::Greeting(_) | Transmit::Answer(_) | Transmit::Control(_) => {}
                    }
                }
                Effect::SetTimer(epoch, _, _) => assert_eq!(epoch, self.connection.epoch()),
                Effect::Close(_, reason) => self.reason = reason,
                Effect::AwaitDrain(_)
                | Effect::Deliver(_)
                | Effect::Note(..)
                | Effect::Queued(_)
                | Effect::Settled(..)
                | Effect::Head(_)
                | Effect::Distrust
                | Effect::StopTimer(_) => {}
            }
        }
    }

    /// The strip has words for it in every language.
    fn shows(&self, settings: &Settings, now: Duration) {
        let address = Address::parse("ws://example.org", &page());
        for lang in Lang::ALL {
            let scene = Scene::of(&self.connection, settings, address.as_ref(), now);
            let strip = Strip::new(&scene, lang.words());
            assert!(!strip.headline.is_empty());
        }
        let confirmed = self.connection.outbox().delivery().confirmed;
        assert!(
            confirmed <= self.read,
            "{confirmed} confirmed, {} read",
            self.read
        );
    }
}

fn happening() -> impl Strategy<Value = Happening> {
    let learned = (3_000_u64..240_000, prop::option::of(3_000_u64..240_000));
    let learned = learned.prop_map(|(period, limit)| Learned {
        period: Duration::from_millis(period),
        limit: limit.map(Duration::from_millis),
    });
    let age = prop_oneof![8 => Just(0_usize), 1 => 1_usize..3];
    let told = [
        Input::Close,
        Input::Retry,
        Input::Woke,
        Input::Left,
        Input::Returned,
    ];
    let timers = [
        Timer::Connect,
        Timer::Heartbeat,
        Timer::Reply,
        Timer::Reconnect,
        Timer::Trial,
    ];
    prop_oneof![
        3 => (any::<bool>(), prop::option::of(learned), any::<bool>()).prop_map(
            |(is_new, learned, is_distrusted)| Happening::Opens { is_new, learned, is_distrusted }
        ),
        2 => prop::sample::select(told.to_vec()).prop_map(Happening::Told),
        4 => age.clone().prop_map(Happening::Opened),
        1 => age.clone().prop_map(Happening::Drained),
        3 => (age.clone(), frame()).prop_map(|(age, frame)| Happening::Received(age, frame)),
        1 => (age.clone(), closure()).prop_map(|(age, closure)| Happening::Closed(age, closure)),
        1 => (age.clone(), prop::sample::select(REFUSALS.to_vec()))
            .prop_map(|(age, refusal)| Happening::Refused(age, refusal)),
        4 => (age, prop::sample::select(timers.to_vec()))
            .prop_map(|(age, timer)| Happening::Expired(age, timer)),
        3 => (text(), guarantee()).prop_map(|(text, kept)| Happening::Types(text, kept)),
        2 => (text(), guarantee()).prop_map(|(text, kept)| Happening::Sends(text.into(), kept)),
        1 => (vec(any::<u8>(), 0..9), guarantee())
            .prop_map(|(bytes, kept)| Happening::Sends(bytes.into(), kept)),
        1 => any::<bool>().prop_map(|sends| Happening::Decides { sends }),
        2 => any::<bool>().prop_map(|is_changed| Happening::Returns { is_changed }),
        1 => "([tTsSxX][aolAOL]?[0-9]:.?){0,3}".prop_map(Happening::Restores),
        1 => pairs().prop_map(Happening::Configures),
    ]
}

fn frame() -> impl Strategy<Value = Frame> {
    prop_oneof![
        4 => text().prop_map(Frame::Text),
        1 => any::<usize>().prop_map(|bytes| Frame::Binary { bytes, head: Vec::new() }),
    ]
}

fn closure() -> impl Strategy<Value = Closure> {
    let reason = prop_oneof![Just("closed by the page".to_owned()), ".{0,9}"];
    (any::<u16>(), reason, any::<bool>()).prop_map(|(code, reason, was_clean)| Closure {
        code,
        reason,
        was_clean,
    })
}

/// Texts of which some mean something.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => prop::sample::select(vec!["heartbeat", "pong", "tick", ""]).prop_map(str::to_owned),
        3 => ".{0,12}",
        1 => (0_usize..700_000).prop_map(|length| "x".repeat(length)),
    ]
}

/// Any time within three hundred years, earlier than the last one too.
fn now() -> impl Strategy<Value = Duration> {
    prop_oneof![
        6 => 0_u64..100_000,
        1 => 0_u64..10_000_000_000_000,
    ]
    .prop_map(Duration::from_millis)
}

/// Names and values of which many are right, or nearly so.
fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = prop_oneof![
        20 => prop::sample::select(NAMES.to_vec()).prop_map(str::to_owned),
        1 => ".{0,9}",
    ];
    let value = prop_oneof![
        8 => prop::sample::select(VALUES.to_vec()).prop_map(str::to_owned),
        2 => "[0-9]{1,7}(ms|s|m)",
        1 => ".{0,20}",
    ];
    vec((name, value), 0..8)
}

/// What the page's settings say, and what they cannot.
fn options(settings: &Settings) -> Options {
    let options = settings
        .options
        .clone()
        .greeting("login")
        .greeting(vec![0, 1]);
    let options = options.answer("who?", "heartbeat").answer("pong", "again");
    options.prove_within(Duration::from_secs(5))
}

fn guarantee() -> impl Strategy<Value = Guarantee> {
    prop::sample::select(vec![
        Guarantee::AtLeastOnce,
        Guarantee::AtMostOnce,
        Guarantee::Latest,
    ])
}

const REFUSALS: [Refusal; 2] = [Refusal::Forbidden, Refusal::Unavailable];

fn read(given: &[(String, String)]) -> (Settings, Vec<Complaint>) {
    let layer = Layer {
        source: Source::Query,
        pairs: given,
    };
    let reading = Settings::read(
        &Settings::default(),
        &[layer],
        &Access::new(page()).admission(),
    );
    (reading.settings, reading.complaints)
}

fn page() -> Page {
    Page {
        is_secure: false,
        host: "localhost:3000".into(),
    }
}

const NAMES: [&str; 21] = [
    "url",
    "protocols",
    "autoconnect",
    "heartbeat",
    "heartbeat_text",
    "heartbeat_mode",
    "reply_timeout",
    "reply_text",
    "server_heartbeat_text",
    "connect_timeout",
    "retry",
    "retry_min",
    "retry_max",
    "retry_limit",
    "stable_after",
    "final_codes",
    "outbox_limit",
    "outbox_storage",
    "log_limit",
    "resend",
    "lang",
];

const VALUES: [&str; 31] = [
    "",
    "off",
    "auto",
    "true",
    "false",
    "0",
    "1",
    "2",
    "3",
    "1000",
    "1000000",
    "100ms",
    "1s",
    "30s",
    "1440m",
    "0ms",
    "10ms",
    "idle",
    "always",
    "latest",
    "every",
    "memory",
    "session",
    "pong,tick",
    "beat {n}",
    "{n}",
    "tick",
    "1006,1008",
    "a,a",
    "ws://a.b:6000",
    "zh-CN",
];
