//! A row as a line of JSON.

use heartwire::millis;

use super::{Event, Kind, Payload, Row, Stage};

use crate::payload::{push_hex, push_json_string};

/// An object in one line, without the line's end: names in English, times in UTC.
pub(super) fn json_line(row: &Row) -> String {
    let mut object = Object(String::from("{"));
    object.number("row", row.number);
    object.text("time", &(day_and_time(row.at) + "Z"));
    match &row.kind {
        Kind::Sent {
            stage, is_repeat, ..
        } => {
            object.text("kind", "sent");
            object.stage(*stage);
            if *is_repeat {
                object.put("repeat", "true");
            }
        }
        Kind::Received => object.text("kind", "received"),
        Kind::Heartbeat { reply, .. } => {
            object.text("kind", "heartbeat");
            if let Some(reply) = reply {
                object.number("round_trip_ms", millis(reply.round_trip));
                object.text("reply", &reply.text);
            }
        }
        Kind::Reply { round_trip } => {
            object.text("kind", "reply");
            if let Some(round_trip) = round_trip {
                object.number("round_trip_ms", millis(*round_trip));
            }
        }
        Kind::Unasked => object.text("kind", "unasked_reply"),
        Kind::ServerHeartbeat => object.text("kind", "server_heartbeat"),
        Kind::OthersHeartbeat => object.text("kind", "others_heartbeat"),
        Kind::Question => object.text("kind", "question"),
        // They may be a login, and logs are passed on.
        Kind::Greeting | Kind::Answer => {
            let is_answer = row.kind == Kind::Answer;
            object.text("kind", if is_answer { "answer" } else { "greeting" });
            object.number("bytes", row.size as u64);
            return object.0 + "}";
        }
        Kind::Event(event) => {
            object.text("kind", "event");
            object.event(event, &row.payload);
            return object.0 + "}";
        }
    }
    object.number("bytes", row.size as u64);
    match &row.payload {
        Payload::Text(text) => object.text("text", text),
        Payload::Binary(bytes) => {
            let mut digits = String::with_capacity(bytes.len() * 2);
            for byte in bytes.iter() {
                push_hex(&mut digits, *byte);
            }
            object.text("hex", &digits);
        }
    }
    if row.is_cut() {
        object.put("cut", "true");
    }
    object.0 + "}"
}

struct Object(String);

impl Object {
    fn stage(&mut self, stage: Stage) {
        let name = match stage {
            Stage::Queued => "queued",
            Stage::Sent { .. } => "sent",
            Stage::Answered { .. } => "answered",
            Stage::Confirmed { .. } => "confirmed",
            Stage::Unconfirmed => "unconfirmed",
            Stage::SetAside => "set_aside",
            Stage::Merged => "merged",
            Stage::Dropped => "dropped",
            Stage::HandedOver => "handed_over",
        };
        self.text("delivery", name);
        if let Stage::Answered { after } | Stage::Confirmed { after } = stage {
            self.number(&[name, "_after_ms"].concat(), after);
        }
    }

    fn event(&mut self, event: &Event, payload: &Payload) {
        let name = match event {
            Event::Connecting => "connecting",
            Event::Opened { .. } => "opened",
            Event::Lost(loss) if loss.was_silent => "silent",
            Event::Lost(loss) if loss.was_open => "lost",
            Event::Lost(_) => "refused",
            Event::GaveUp => "gave_up",
            Event::TurnedAway => "turned_away",
            Event::Stopped => "stopped",
            Event::Left => "left",
            Event::Distrusted => "distrusted",
        };
        self.text("event", name);
        match (event, payload) {
            (Event::Connecting, Payload::Text(address)) => self.text("url", address),
            (
                Event::Opened {
                    outage: Some(outage),
                    ..
                },
                _,
            ) => self.number("outage_ms", millis(*outage)),
            (Event::Lost(loss), _) if !loss.was_silent => {
                self.number("code", loss.closure.code.into());
                self.text("reason", &loss.closure.reason);
            }
            _ => {}
        }
    }

    fn number(&mut self, name: &str, number: u64) {
        self.put(name, &number.to_string());
    }

    fn text(&mut self, name: &str, text: &str) {
        self.put(name, "");
        push_json_string(&mut self.0, text);
    }

    fn put(&mut self, name: &str, value: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.extend(["\"", name, "\":", value]);
    }
}

/// The day and the time of the day as ISO 8601 writes them, without a zone, of milliseconds since 1970.
#[must_use]
pub fn day_and_time(millis: u64) -> String {
    let days = millis / DAY_MILLIS;
    // Howard Hinnant, chrono-compatible low-level date algorithms, civil_from_days: years begin in
    // March, so that a leap day is a year's last.
    let day = days + 719_468;
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let time = time_of_day(millis);
    format!("{year:04}-{month:02}-{day:02}T{time}")
}

/// The time of the day, to the millisecond, of milliseconds since 1970.
#[must_use]
pub fn time_of_day(millis: u64) -> String {
    let millis = millis % DAY_MILLIS;
    let seconds = millis / 1_000;
    format!(
        "{:02}:{:02}:{:02}.{:03}",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60,
        millis % 1_000
    )
}

const DAY_MILLIS: u64 = 24 * 60 * 60 * 1_000;

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::log::Reply;
    use heartwire::core::{
        connection::{Closure, Loss},
        outbox::MessageId,
    };

    #[test]
    fn times_are_those_of_the_calendar() {
        for (millis, expected) in [
            (0, "1970-01-01T00:00:00.000"),
            (951_782_400_000, "2000-02-29T00:00:00.000"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999"),
            (1_767_225_600_001, "2026-01-01T00:00:00.001"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000"),
        ] {
            assert_eq!(day_and_time(millis), expected);
        }
    }

    #[test]
    fn a_line_holds_all_that_is_known_of_a_row() {
        let lost = Event::Lost(Loss {
            closure: Closure {
                code: 1012,
                reason: "a \"restart\"".into(),
                was_clean: true,
            },
            was_open: true,
            was_silent: false,
            error: None,
        });
        let sent = |stage, is_repeat| Kind::Sent {
            id: MessageId::default(),
            stage,
            is_repeat,
        };
        let reply = Kind::Reply {
            round_trip: Some(Duration::from_millis(12)),
        };
        let answered = Kind::Heartbeat {
            at: Duration::ZERO,
            reply: Some(Reply {
                text: "pong".into(),
                round_trip: Duration::from_millis(12),
            }),
        };
        let text = |text: &str| Payload::Text(text.into());
        for (kind, payload, size, expected) in [
            (
                sent(Stage::Confirmed { after: 7 }, true),
                text("é\n\u{1}\u{202e}\u{2028}\\"),
                11,
                "\"kind\":\"sent\",\"delivery\":\"confirmed\",\"confirmed_after_ms\":7,\"repeat\":true,\"bytes\":11,\"text\":\"é\\n\\u0001\u{202e}\\u2028\\\\\"",
            ),
            (
                Kind::Greeting,
                text("my login"),
                8,
                r#""kind":"greeting","bytes":8"#,
            ),
            (
                Kind::Answer,
                text("my login"),
                8,
                r#""kind":"answer","bytes":8"#,
            ),
            (
                sent(Stage::Queued, false),
                text(""),
                0,
                r#""kind":"sent","delivery":"queued","bytes":0,"text":"""#,
            ),
            (
                Kind::Received,
                Payload::Binary([0, 0xff].into()),
                9,
                r#""kind":"received","bytes":9,"hex":"00ff","cut":true"#,
            ),
            (
                answered,
                text("heartbeat"),
                9,
                r#""kind":"heartbeat","round_trip_ms":12,"reply":"pong","bytes":9,"text":"heartbeat""#,
            ),
            (
                reply,
                text("pong"),
                4,
                r#""kind":"reply","round_trip_ms":12,"bytes":4,"text":"pong""#,
            ),
            (
                Kind::Event(lost),
                text("a \"restart\""),
                11,
                r#""kind":"event","event":"lost","code":1012,"reason":"a \"restart\"""#,
            ),
            (
                Kind::Event(Event::Connecting),
                text("ws://a/"),
                7,
                r#""kind":"event","event":"connecting","url":"ws://a/""#,
            ),
        ] {
            let row = Row {
                number: 3,
                at: 1,
                kind,
                payload,
                size,
                head: None,
            };
            let expected = format!(r#"{{"row":3,"time":"1970-01-01T00:00:00.001Z",{expected}}}"#);
            assert_eq!(json_line(&row), expected);
        }
    }
}
