//! The pulse in words.

use std::time::Duration;

use super::{Phase, Pulse, WINDOW};
use crate::words::{Words, fill};

impl Pulse {
    /// Puts what is drawn into words.
    #[must_use]
    pub fn say(&self, words: &Words, now: Duration) -> String {
        let begin = now.saturating_sub(WINDOW);
        let Some(first) = self.spans.first() else {
            return words.pulse_nothing.into();
        };
        let told = now.saturating_sub(first.from).min(WINDOW);
        let (mut open, mut down) = (Duration::ZERO, Duration::ZERO);
        let (mut outages, mut attempts, mut endings) = (0, 0, Vec::new());
        let (mut was_down, mut cause) = (false, None);
        for (index, span) in self.spans.iter().enumerate() {
            let until = self.spans.get(index + 1).map_or(now, |next| next.from);
            // An outage that goes on has the cause that it had at first.
            cause = span.ending.or(cause.filter(|_| span.is_down));
            if until <= begin {
                continue;
            }
            let time = until.saturating_sub(span.from.max(begin));
            if span.phase == Phase::Open {
                open += time;
            }
            if span.is_down {
                down += time;
                attempts += u64::from(span.phase == Phase::Connecting);
                outages += u64::from(!was_down);
            }
            was_down = span.is_down;
            endings.extend(cause.filter(|cause| !endings.contains(cause)));
        }
        let mut said = fill(words.pulse_told, &[("time", &time_text(words, told))]);
        let part = |said: &mut String, text: &str| {
            said.push_str(words.pulse_separator);
            said.push_str(text);
        };
        said.push_str(&fill(
            words.pulse_open,
            &[("time", &time_text(words, open))],
        ));
        part(&mut said, &self.say_beats(words, now));
        let (mut sent, mut received) = (0_u64, 0_u64);
        let first = begin.as_secs() * 2;
        for bucket in self.buckets.iter().filter(|bucket| bucket.number >= first) {
            sent += u64::from(bucket.sent);
            received += u64::from(bucket.received);
        }
        let messages = [("out", &*sent.to_string()), ("in", &*received.to_string())];
        part(&mut said, &fill(words.pulse_messages, &messages));
        if outages > 0 {
            let text = words.pulse_outages.of(outages);
            let mut causes = String::new();
            for ending in endings {
                if !causes.is_empty() {
                    causes.push_str(words.list_separator);
                }
                causes.push_str(&ending.text(words));
            }
            part(
                &mut said,
                &fill(&text, &[("time", &time_text(words, down))]),
            );
            if !causes.is_empty() {
                said.push_str(&fill(words.pulse_causes, &[("causes", &causes)]));
            }
            if attempts > 0 {
                said.push_str(words.pulse_comma);
                said.push_str(&words.pulse_attempts.of(attempts));
            }
        }
        said.push_str(words.pulse_end);
        said
    }

    /// A heartbeat whose reply may be under way is not counted.
    fn say_beats(&self, words: &Words, now: Duration) -> String {
        let begin = now.saturating_sub(WINDOW);
        let (mut all, mut answered) = (0_u64, 0_u32);
        let (mut total, mut slowest) = (Duration::ZERO, Duration::ZERO);
        for beat in self.beats.iter().filter(|beat| beat.at >= begin) {
            if beat.round_trip.is_none() && now.saturating_sub(beat.at) < UNDER_WAY {
                continue;
            }
            all += 1;
            if let Some(round_trip) = beat.round_trip {
                answered += 1;
                total = total.saturating_add(round_trip);
                slowest = slowest.max(round_trip);
            }
        }
        let mut said = words.pulse_beats.of(all);
        if all == 0 {
            return said;
        }
        let unanswered = all - u64::from(answered);
        said.push_str(words.pulse_comma);
        if unanswered == 0 {
            said.push_str(words.pulse_all_answered);
        } else {
            said.push_str(&fill(
                words.pulse_unanswered,
                &[("n", &unanswered.to_string())],
            ));
        }
        if answered > 0 {
            let mean = round_trip_text(words, total / answered);
            let most = round_trip_text(words, slowest);
            said.push_str(words.pulse_comma);
            said.push_str(&fill(
                words.pulse_round_trips,
                &[("mean", &mean), ("most", &most)],
            ));
        }
        said
    }
}

/// A stretch of time. From a minute on it is rounded to ten seconds, so that what is said of a quiet
/// connection stays the same.
fn time_text(words: &Words, time: Duration) -> String {
    let seconds = (time + Duration::from_millis(500)).as_secs();
    if seconds < 60 {
        return fill(words.seconds, &[("n", &seconds.to_string())]);
    }
    let seconds = (seconds + 5) / 10 * 10;
    let minutes = fill(words.minutes, &[("n", &(seconds / 60).to_string())]);
    match seconds % 60 {
        0 => minutes,
        rest => minutes + " " + &fill(words.seconds, &[("n", &rest.to_string())]),
    }
}

/// A round trip with two digits or more.
fn round_trip_text(words: &Words, time: Duration) -> String {
    let (seconds, micros) = (time.as_secs(), time.subsec_micros());
    if seconds > 0 {
        let tenths = (micros / 100_000).to_string();
        return fill(
            words.seconds,
            &[("n", &(seconds.to_string() + "." + &tenths))],
        );
    }
    let mut millis = (micros / 1_000).to_string();
    if micros < 10_000 {
        millis.push('.');
        millis.push_str(&(micros % 1_000 / 100).to_string());
    }
    fill(words.millis, &[("n", &millis)])
}

/// How long a reply may be under way.
const UNDER_WAY: Duration = Duration::from_secs(3);

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use crate::{
        pulse::tests::{CONNECTING, History, OPEN, ms},
        words::Lang,
    };

    #[test]
    fn what_is_said_is_what_is_drawn() {
        let [english, chinese] = Lang::ALL.map(Lang::words);
        let mut history = History::default();
        assert_eq!(history.pulse.say(english, ms(0)), "No connection yet.");
        assert_eq!(history.pulse.say(chinese, ms(0)), "尚未建立过连接。");

        history.turn(CONNECTING, 0).turn(OPEN, 0);
        let said = history.pulse.say(english, ms(20_000));
        assert_eq!(
            said,
            "Last 20 s: connected for 20 s; 0 heartbeats; messages: 0 in, 0 out."
        );

        history.beat(30_000, Some(4)).beat(60_000, Some(41));
        history.pulse.sent(ms(61_000));
        history.pulse.received(ms(61_500));
        let said = history.pulse.say(english, ms(300_000));
        assert_eq!(
            said,
            "Last 5 min: connected for 5 min; 2 heartbeats, all answered, replies in 22 ms on average, 41 ms at most; messages: 1 in, 1 out."
        );

        history.beat(299_000, None);
        assert_eq!(history.pulse.say(english, ms(300_000)), said);

        history.lose(301_000, Some(1006));
        history.turn(CONNECTING, 311_000).lose(312_000, Some(1006));
        history.turn(CONNECTING, 320_000).turn(OPEN, 321_000);
        let said = [english, chinese].map(|words| history.pulse.say(words, ms(325_000)));
        assert_eq!(
            said,
            [
                "Last 5 min: connected for 4 min 40 s; 3 heartbeats, 1 unanswered, replies in 22 ms on average, 41 ms at most; messages: 1 in, 1 out; 1 outage of 20 s (close code 1006), 2 attempts to reconnect.",
                "最近 5 分钟：连接时长 4 分钟 40 秒；3 次心跳，1 次未得到响应，响应平均 22 毫秒、最慢 41 毫秒；消息：接收 1 条，发送 1 条；中断 1 次，共 20 秒（关闭代码 1006），尝试重连 2 次。",
            ]
        );
    }

    /// Without heartbeats nothing else happens that would take it away.
    #[test]
    fn what_is_older_than_the_window_is_not_said() {
        let mut history = History::open(0);
        history.pulse.received(ms(5_000));
        history.lose(10_000, Some(1012));
        history.turn(CONNECTING, 12_000).turn(OPEN, 13_000);

        let said = history.pulse.say(Lang::En.words(), ms(900_000));

        assert_eq!(
            said,
            "Last 5 min: connected for 5 min; 0 heartbeats; messages: 0 in, 0 out."
        );
    }

    #[test]
    fn round_trips_are_said_with_two_digits_or_more() {
        let words = Lang::En.words();
        for (micros, said) in [
            (300, "0.3 ms"),
            (9_990, "9.9 ms"),
            (12_700, "12 ms"),
            (2_340_000, "2.3 s"),
        ] {
            assert_eq!(round_trip_text(words, Duration::from_micros(micros)), said);
        }
    }

    #[test]
    fn an_outage_longer_than_the_window_is_still_said() {
        let mut history = History::open(0);
        history.lose(10_000, Some(1013));
        for at in (20..700).step_by(10) {
            history.turn(CONNECTING, at * 1_000);
            history.lose(at * 1_000 + 500, Some(1006));
        }
        let said = history.pulse.say(Lang::En.words(), ms(700_000));
        assert!(said.contains("connected for 0 s"), "{said}");
        assert!(
            said.contains("1 outage of 5 min (close code 1013)"),
            "{said}"
        );
        assert_eq!(history.draw(700_000).gaps, "M905 0H6000V100H905Z");
    }
}
