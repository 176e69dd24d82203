//! The log: messages, heartbeats and changes of the connection, in order.

mod export;
mod filter;
mod line;
mod ring;
mod row;

pub use export::{day_and_time, time_of_day};
pub use filter::{Search, Show};
pub use line::{Line, Run};
pub use row::{Event, Kind, Payload, Reply, Row, Stage};

use std::{borrow::Cow, collections::VecDeque, rc::Rc, time::Duration};

use heartwire::{
    Stomp,
    core::{
        connection::{Loss, Status},
        outbox::{Fate, Message, MessageId},
        protocol::{Frame, Meaning, Transmit},
    },
    millis,
};

use crate::strip::is_kept;
use crate::words::Words;
use line::{Shown, append};
use ring::Ring;
use row::Content;

/// Keeps the newest rows, up to a limit of rows or [`MAX_BYTES`] of payload, whichever comes first,
/// and knows which of them are shown.
///
/// While it is paused, what is shown stands still, and as much again is kept of what comes.
#[derive(Clone, Debug)]
pub struct Log {
    limit: usize,
    words: &'static Words,
    rows: Ring,
    /// The rows as they were when it was paused; these are shown.
    still: Option<Ring>,
    /// The lines that came since it was paused and are shown when it goes on.
    missed: VecDeque<Shown>,
    show: Show,
    search: Search,
    /// The lines that are shown, in order.
    shown: VecDeque<Shown>,
    /// Rows before this number are cleared; they are kept until it can not be undone any more.
    cleared: u64,
    /// Rows before this number are gone because they were cleared.
    forgotten: u64,
    /// Messages whose fate is not final, with the numbers of their rows, oldest row first.
    unsettled: VecDeque<(MessageId, u64)>,
    /// The row of the last heartbeat.
    heartbeat: u64,
    /// The first row whose text has changed since [`Log::take_changed`] was called.
    changed: Option<u64>,
    /// The head of the frame that carries the next message.
    head: Option<Rc<str>>,
}

/// Payload that is kept, in bytes.
pub const MAX_BYTES: usize = 5 * 1024 * 1024;

impl Log {
    /// Makes an empty log for at most `limit` rows, to be searched in these words.
    #[must_use]
    pub fn new(limit: usize, words: &'static Words) -> Self {
        Self {
            limit: limit.max(1),
            words,
            rows: Ring::default(),
            still: None,
            missed: VecDeque::new(),
            show: Show::All,
            search: Search::Off,
            shown: VecDeque::new(),
            cleared: 0,
            forgotten: 1,
            unsettled: VecDeque::new(),
            heartbeat: 0,
            changed: None,
            head: None,
        }
    }

    /// Keeps at most `limit` rows from now on.
    pub fn limit(&mut self, limit: usize) {
        self.limit = limit.max(1);
        self.make_room();
    }

    /// Searches in these words from now on.
    pub fn speak(&mut self, words: &'static Words) {
        self.words = words;
        self.choose();
    }

    /// A message was queued.
    pub fn queue(&mut self, message: Message, at: u64) {
        let (id, is_repeat) = (message.id, message.is_repeat);
        let kind = Kind::Sent {
            id,
            stage: Stage::Queued,
            is_repeat,
        };
        let number = self.push(kind, message.payload.into(), at);
        self.unsettled.push_back((id, number));
    }

    /// The next message that is sent or received is in a frame with this head.
    pub fn expect(&mut self, head: &str) {
        let end = head.floor_char_boundary(MAX_HEAD);
        self.head = Some(head[..end].into());
    }

    /// A connection took this.
    pub fn send(&mut self, transmit: &Transmit, now: Duration, at: u64) {
        let (kind, content) = match transmit {
            Transmit::Greeting(payload) => (Kind::Greeting, payload.clone().into()),
            Transmit::Answer(payload) => (Kind::Answer, payload.clone().into()),
            Transmit::Heartbeat(text) => {
                let kind = Kind::Heartbeat {
                    at: now,
                    reply: None,
                };
                self.heartbeat = self.push(kind, Content::Text(text.as_str().into()), at);
                return;
            }
            Transmit::Message(message) => return self.send_message(message, now, at),
            // It holds nothing that a user wrote, and may hold a login.
            Transmit::Control(_) => return,
        };
        self.push(kind, content, at);
    }

    /// It is known what became of a message.
    pub fn settle(&mut self, id: MessageId, fate: Fate, now: Duration) {
        let Some((index, stage, _)) = self.unsettled(id) else {
            if fate == Fate::GivenUp {
                self.doubt(id);
            }
            return;
        };
        let after = match *stage {
            Stage::Sent { at: sent } => millis(now.saturating_sub(sent)),
            Stage::Queued
            | Stage::Answered { .. }
            | Stage::Confirmed { .. }
            | Stage::Unconfirmed
            | Stage::SetAside
            | Stage::Merged
            | Stage::Dropped
            | Stage::HandedOver => 0,
        };
        *stage = match fate {
            Fate::Answered => Stage::Answered { after },
            Fate::Confirmed => Stage::Confirmed { after },
            Fate::Unconfirmed | Fate::GivenUp => Stage::Unconfirmed,
            Fate::SetAside => Stage::SetAside,
            Fate::Merged => Stage::Merged,
            Fate::Dropped => Stage::Dropped,
            Fate::HandedOver => Stage::HandedOver,
        };
        // What is not proven may be sent again.
        if !matches!(fate, Fate::Unconfirmed | Fate::SetAside) {
            self.unsettled.remove(index);
        }
    }

    /// The server was found to send replies unasked.
    pub fn distrust(&mut self, at: u64) {
        self.push(Kind::Event(Event::Distrusted), Content::Text("".into()), at);
    }

    /// A text came that is a message. A log shares it with whoever shows it.
    pub fn receive_text(&mut self, text: Rc<str>, at: u64) {
        self.push(Kind::Received, Content::Text(text), at);
    }

    /// A binary frame came: its size, and its bytes or how they begin.
    pub fn receive_binary(&mut self, size: usize, bytes: Vec<u8>, at: u64) {
        self.push(Kind::Received, Content::Binary(size, bytes), at);
    }

    /// A frame came that is no message but means this. `now` is a time of the connection.
    pub fn note(&mut self, frame: Frame, meaning: Meaning, now: Duration, at: u64) {
        if let (Frame::Text(text), Meaning::Reply { sent, .. }) = (&frame, meaning)
            && self.reply(text, sent, now)
        {
            return;
        }
        let kind = match meaning {
            Meaning::Message => Kind::Received,
            Meaning::Reply { sent, .. } => Kind::Reply {
                round_trip: Some(now.saturating_sub(sent)),
            },
            Meaning::SecondReply => Kind::Reply { round_trip: None },
            Meaning::Unasked => Kind::Unasked,
            Meaning::ServerHeartbeat => Kind::ServerHeartbeat,
            Meaning::Question => Kind::Question,
            Meaning::OthersHeartbeat => Kind::OthersHeartbeat,
            // Its first time has a row.
            Meaning::Repeat => return,
        };
        let content = match frame {
            Frame::Text(text) => Content::Text(text.into()),
            Frame::Binary { bytes, head } => Content::Binary(bytes, head),
        };
        self.push(kind, content, at);
    }

    /// The connection's status has changed from one to another. `address` is where it goes,
    /// `loss` what it lost last, and `stomp` the options of STOMP, if it is spoken.
    pub fn change(
        &mut self,
        (before, after): (Status, Status),
        loss: Option<&Loss>,
        address: &str,
        stomp: Option<&Stomp>,
        at: u64,
    ) {
        let mut push = |event, text: &str| {
            self.push(Kind::Event(event), Content::Text(text.into()), at);
        };
        let had_socket = matches!(before, Status::Connecting { .. } | Status::Open { .. });
        let is_over = matches!(
            after,
            Status::Waiting { .. } | Status::GaveUp | Status::TurnedAway
        );
        if had_socket
            && is_over
            && let Some(loss) = loss
        {
            push(Event::Lost(loss.clone()), &loss.closure.reason);
        }
        if before == after {
            return;
        }
        match after {
            Status::Connecting { .. } => push(Event::Connecting, address),
            Status::Open { outage, .. } => {
                let is_kept = is_kept(stomp);
                push(Event::Opened { outage, is_kept }, "");
            }
            Status::GaveUp => push(Event::GaveUp, ""),
            Status::TurnedAway => push(Event::TurnedAway, ""),
            Status::Stopped | Status::Refused(_) => push(Event::Stopped, ""),
            Status::Away => push(Event::Left, ""),
            Status::Idle | Status::Waiting { .. } => {}
        }
    }

    /// Shows only these rows; where that is every row, and nothing is searched, a run of beats is one line.
    /// It costs a look at every row.
    pub fn show(&mut self, show: Show) {
        self.show = show;
        self.choose();
    }

    /// Shows only rows in which this is found. It costs a look at every row.
    pub fn search(&mut self, search: Search) {
        self.search = search;
        self.choose();
    }

    /// Whoever searches for [`Search::Found`] found these rows, and no others from this number on.
    pub fn find(&mut self, from: u64, numbers: impl Iterator<Item = u64>) {
        if let Search::Found(found) = &mut self.search {
            found.truncate(found.partition_point(|number| *number < from));
            found.extend(numbers);
            self.choose();
        }
    }

    /// What is to be searched for [`Search::Found`]: the number and the text of each row from the one with
    /// this number on.
    pub fn texts(&self, from: u64) -> impl Iterator<Item = (u64, Cow<'_, str>)> {
        let rows = self.kept_from(from);
        rows.map(|row| (row.number, self.text(row)))
    }

    /// The first row whose text has changed since this was asked last.
    pub fn take_changed(&mut self) -> Option<u64> {
        self.changed.take()
    }

    /// Lets what is shown stand still, or go on.
    pub fn pause(&mut self, pauses: bool) {
        if pauses == self.is_paused() {
            return;
        }
        self.still = pauses.then(|| self.rows.clone());
        self.choose();
    }

    /// Whether what is shown stands still.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.still.is_some()
    }

    /// How many lines came since it was paused that will be shown, as far as they are kept.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed.len() as u64
    }

    /// Shows none of the rows so far. What was cleared before is gone for good.
    pub fn clear(&mut self) {
        let end = self.rows.end();
        if self.cleared == end || self.rows.is_empty() {
            return;
        }
        self.forgotten = self.cleared.max(self.forgotten);
        self.forget_before(self.forgotten);
        if let Some(still) = &mut self.still {
            still.forget_before(self.forgotten);
        }
        self.cleared = end;
        self.choose();
    }

    /// Shows again what was cleared last, as far as it is kept.
    pub fn undo_clear(&mut self) {
        self.cleared = 0;
        self.choose();
    }

    /// Whether something was cleared that is still kept.
    #[must_use]
    pub fn can_undo_clear(&self) -> bool {
        let shown = self.still.as_ref().unwrap_or(&self.rows);
        !shown.is_empty() && shown.first < self.cleared
    }

    /// How many lines are shown.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shown.len()
    }

    /// Whether no line is shown.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// Whether there would be nothing to show if all were shown.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        let shown = self.still.as_ref().unwrap_or(&self.rows);
        shown.is_empty() || shown.end() <= self.cleared
    }

    /// The lines that are shown, from the one at this index on, oldest first.
    pub fn shown(&self, from: usize) -> impl Iterator<Item = Line<'_>> {
        let rows = self.still.as_ref().unwrap_or(&self.rows);
        self.shown
            .range(from.min(self.shown.len())..)
            .filter_map(move |shown| {
                let first = shown.first.max(rows.first);
                let run = shown.beats.filter(|_| first < shown.last);
                Some(Line {
                    number: shown.first,
                    row: rows.get(shown.last)?,
                    run: run.and_then(|beats| {
                        // The newest heartbeat may have no reply yet.
                        let mut newest = (first..=shown.last).rev().take(4);
                        let reply = newest.find_map(|number| rows.get(number)?.reply());
                        let count = if beats == 0 {
                            shown.last - first + 1
                        } else {
                            beats
                        };
                        Some(Run {
                            beats: count,
                            since: rows.get(first)?.at,
                            round_trip: reply.map(|reply| reply.round_trip),
                        })
                    }),
                })
            })
    }

    /// The index, among the lines shown, of the one with the row of this number, or else of the next.
    #[must_use]
    pub fn index_of(&self, number: u64) -> usize {
        self.shown.partition_point(|shown| shown.last < number)
    }

    /// The name of the line with the row of this number; the number itself if there is none.
    #[must_use]
    pub fn name_of(&self, number: u64) -> u64 {
        let line = self.shown.get(self.index_of(number));
        let line = line.filter(|line| line.first <= number);
        line.map_or(number, |line| line.first)
    }

    /// How many lines are newer than the row with this number.
    #[must_use]
    pub fn new_since(&self, number: u64) -> usize {
        self.shown.len() - self.shown.partition_point(|line| line.first <= number)
    }

    /// The rows of the line with the row of this number, oldest first.
    pub fn rows_of(&self, number: u64) -> impl Iterator<Item = &Row> {
        let rows = self.still.as_ref().unwrap_or(&self.rows);
        let shown = self.shown.get(self.index_of(number));
        let numbers = shown.map(|shown| shown.first.max(rows.first)..=shown.last);
        let numbers = numbers.into_iter().flatten();
        numbers.filter_map(|number| rows.get(number))
    }

    /// The number of the newest row there ever was.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.rows.end() - 1
    }

    /// The row with this number, as it is now, if it is kept.
    #[must_use]
    pub fn row(&self, number: u64) -> Option<&Row> {
        let still = self.still.as_ref();
        self.rows
            .get(number)
            .or_else(|| still.and_then(|still| still.get(number)))
    }

    /// How many rows there were that are no longer kept, because newer ones came.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        let first = self
            .still
            .as_ref()
            .map_or(self.rows.first, |still| still.first.min(self.rows.first));
        first.saturating_sub(self.forgotten.max(self.cleared))
    }

    /// Everything that is kept and not cleared as JSON Lines, line by line.
    pub fn json_lines(&self) -> impl Iterator<Item = String> {
        self.kept_from(self.cleared).map(export::json_line)
    }

    /// Every row that is kept, from the one with this number on, oldest first.
    fn kept_from(&self, number: u64) -> impl Iterator<Item = &Row> {
        let still = self.still.iter().flat_map(move |still| still.from(number));
        let older = still.take_while(|row| row.number < self.rows.first);
        older.chain(self.rows.from(number))
    }

    /// Keeps a reply with the heartbeat that was sent then; returns whether it can.
    fn reply(&mut self, text: &str, sent: Duration, now: Duration) -> bool {
        let Some(row) = self.rows.get_mut(self.heartbeat) else {
            return false;
        };
        let Kind::Heartbeat {
            at,
            reply: reply @ None,
        } = &mut row.kind
        else {
            return false;
        };
        if *at != sent || text.len() > MOST_REPLY {
            return false;
        }
        *reply = Some(Reply {
            text: text.into(),
            round_trip: now.saturating_sub(sent),
        });
        self.rows.bytes += text.len();
        self.show_reply();
        self.make_room();
        true
    }

    /// Shows the row of the last heartbeat if its reply, which has come, is what the search finds.
    fn show_reply(&mut self) {
        let number = self.heartbeat;
        self.changed = Some(self.changed.map_or(number, |changed| changed.min(number)));
        let row = self.rows.get(number).filter(|row| self.is_shown(row));
        let index = self.index_of(number);
        if let Some(row) = row
            && !self.is_paused()
            && self.shown.get(index).is_none_or(|line| line.first > number)
        {
            self.shown.insert(index, Shown::of(row));
        }
    }

    fn send_message(&mut self, message: &Message, now: Duration, at: u64) {
        let sent = Stage::Sent { at: now };
        if let Some((index, stage, is_repeat)) = self.unsettled(message.id) {
            *stage = sent;
            *is_repeat = message.is_repeat;
            let (head, (_, number)) = (self.head.take(), self.unsettled[index]);
            if let Some(row) = self.rows.get_mut(number) {
                row.head = head;
            }
            return;
        }
        // Its row is gone, or it comes from an earlier page.
        let kind = Kind::Sent {
            id: message.id,
            stage: sent,
            is_repeat: message.is_repeat,
        };
        let number = self.push(kind, message.payload.clone().into(), at);
        self.unsettled.push_back((message.id, number));
    }

    /// The row of a message whose fate is open: where it is noted, and what can change.
    fn unsettled(&mut self, id: MessageId) -> Option<(usize, &mut Stage, &mut bool)> {
        let index = self.unsettled.iter().position(|(known, _)| *known == id)?;
        let row = self.rows.get_mut(self.unsettled[index].1)?;
        if let Kind::Sent {
            stage, is_repeat, ..
        } = &mut row.kind
        {
            Some((index, stage, is_repeat))
        } else {
            None
        }
    }

    /// A message that was taken to have arrived may not have: its answer proved nothing.
    fn doubt(&mut self, id: MessageId) {
        let rows = self.rows.rows.iter_mut().rev();
        for row in rows {
            if let Kind::Sent {
                id: known, stage, ..
            } = &mut row.kind
                && *known == id
            {
                *stage = Stage::Unconfirmed;
                return;
            }
        }
    }

    /// Adds a row; returns its number.
    fn push(&mut self, kind: Kind, content: Content, at: u64) -> u64 {
        let number = self.rows.end();
        let (payload, size) = content.keep();
        let head = match kind {
            Kind::Received | Kind::Sent { .. } => self.head.take(),
            Kind::Heartbeat { .. }
            | Kind::Reply { .. }
            | Kind::Unasked
            | Kind::ServerHeartbeat
            | Kind::Greeting
            | Kind::Question
            | Kind::Answer
            | Kind::OthersHeartbeat
            | Kind::Event(_) => None,
        };
        let row = Row {
            number,
            at,
            kind,
            payload,
            size,
            head,
        };
        if self.is_shown(&row) {
            let folds = self.folds();
            append(self.newest_lines(), &row, folds);
        }
        self.rows.push(row);
        self.make_room();
        number
    }

    fn make_room(&mut self) {
        while self.rows.len() > self.limit || (self.rows.bytes > MAX_BYTES && self.rows.len() > 1) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let oldest = self.rows.first;
        let beats = self.rows.get(oldest).and_then(|row| row.kind.beats());
        self.forget_before(oldest + 1);
        let lines = self.newest_lines();
        if let Some(line) = lines.front_mut()
            && line.first <= oldest
        {
            line.beats = line.beats.zip(beats).map(|(all, gone)| all - gone);
            if line.last == oldest {
                lines.pop_front();
            }
        }
    }

    /// The lines that new rows are added to: while paused, those that are not shown yet.
    fn newest_lines(&mut self) -> &mut VecDeque<Shown> {
        if self.is_paused() {
            &mut self.missed
        } else {
            &mut self.shown
        }
    }

    fn forget_before(&mut self, number: u64) {
        self.rows.forget_before(number);
        let first = self.rows.first;
        while self.unsettled.front().is_some_and(|(_, row)| *row < first) {
            self.unsettled.pop_front();
        }
    }

    /// Decides of every row whether it is shown.
    fn choose(&mut self) {
        let rows = self.still.as_ref().unwrap_or(&self.rows);
        (self.shown, self.missed) = (self.lines(rows, 0), self.lines(&self.rows, rows.end()));
    }

    /// The lines of the rows that are shown, from this number on.
    fn lines(&self, rows: &Ring, from: u64) -> VecDeque<Shown> {
        let mut lines = VecDeque::new();
        for row in rows.from(from).filter(|row| self.is_shown(row)) {
            append(&mut lines, row, self.folds());
        }
        lines
    }

    fn is_shown(&self, row: &Row) -> bool {
        row.number >= self.cleared
            && self.show.covers(&row.kind)
            && match &self.search {
                Search::Off => true,
                Search::Text(needle) => needle.is_in(&self.text(row)),
                Search::Found(numbers) => numbers.binary_search(&row.number).is_ok(),
            }
    }

    /// What can be searched of a row.
    fn text<'a>(&self, row: &'a Row) -> Cow<'a, str> {
        match &row.payload {
            // Few binary frames are text, but those that are can be searched.
            Payload::Binary(bytes) => str::from_utf8(bytes).unwrap_or_default().into(),
            Payload::Text(_) => match row.reply() {
                Some(reply) => [&row.text(self.words), "\n", &reply.text].concat().into(),
                None => row.text(self.words),
            },
        }
    }

    /// Whether a run of beats is one line.
    fn folds(&self) -> bool {
        self.show == Show::All && matches!(self.search, Search::Off)
    }
}

/// What is kept of the head of a frame, in bytes: those of RabbitMQ have 300.
const MAX_HEAD: usize = 1024;

/// A longer reply has a row of its own, in which all of it is kept, in bytes.
const MOST_REPLY: usize = 1_000;

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::{payload::Needle, words::Lang};
    use heartwire::core::{
        connection::Closure,
        outbox::{Guarantee, Outbox},
    };

    #[test]
    fn a_message_is_one_row_from_when_it_waits_until_it_is_confirmed() {
        let mut log = log(10);
        let message = messages(1).remove(0);
        let id = message.id;
        log.queue(message.clone(), 1);
        assert_eq!(stages(&log), [Stage::Queued]);
        log.receive_text("between".into(), 2);
        log.send(&Transmit::Message(message), at(5), 5);
        log.settle(id, Fate::Confirmed, at(12));
        assert_eq!(stages(&log), [Stage::Confirmed { after: 7 }]);
        assert_eq!(texts(&log), ["0", "between"]);
    }

    #[test]
    fn a_clock_that_is_set_changes_no_time_that_passed() {
        let mut log = log(10);
        let message = messages(1).remove(0);
        log.queue(message.clone(), 1);
        log.send(&Transmit::Message(message.clone()), at(5), 3_600_000);
        log.settle(message.id, Fate::Confirmed, at(12));
        assert_eq!(stages(&log), [Stage::Confirmed { after: 7 }]);
    }

    #[test]
    fn what_was_dropped_was_never_sent() {
        let mut log = log(10);
        let message = messages(1).remove(0);
        log.queue(message.clone(), 1);
        log.settle(message.id, Fate::Dropped, at(2));
        assert_eq!(stages(&log), [Stage::Dropped]);
    }

    #[test]
    fn what_is_sent_again_says_so_and_may_be_confirmed_yet() {
        let mut log = log(10);
        let message = messages(1).remove(0);
        log.queue(message.clone(), 1);
        log.send(&Transmit::Message(message.clone()), at(1), 1);
        log.settle(message.id, Fate::Unconfirmed, at(2));
        assert_eq!(stages(&log), [Stage::Unconfirmed]);
        let repeat = Message {
            is_repeat: true,
            ..message.clone()
        };
        log.send(&Transmit::Message(repeat), at(3), 3);
        log.settle(message.id, Fate::Confirmed, at(4));
        let kind = Kind::Sent {
            id: message.id,
            stage: Stage::Confirmed { after: 1 },
            is_repeat: true,
        };
        assert_eq!(log.row(1).unwrap().kind, kind);
        assert_eq!(log.len(), 1);
    }

    #[test]
    fn a_message_without_a_row_gets_one_when_it_is_sent() {
        let mut log = log(2);
        let message = messages(1).remove(0);
        log.queue(message.clone(), 1);
        for text in ["a", "b"] {
            log.receive_text(text.into(), 2);
        }
        assert_eq!(texts(&log), ["a", "b"]);
        log.send(&Transmit::Message(message.clone()), at(3), 3);
        log.settle(message.id, Fate::Confirmed, at(3));
        assert_eq!(texts(&log), ["b", "0"]);
        assert_eq!(stages(&log), [Stage::Confirmed { after: 0 }]);
    }

    #[test]
    fn frames_are_told_by_what_they_mean() {
        let mut log = log(10);
        let (sent, now) = (at(100), at(130));
        log.send(&Transmit::Heartbeat("heartbeat".into()), sent, 1);
        for (text, meaning) in [
            (
                "heartbeat",
                Meaning::Reply {
                    sent,
                    taken: 0,
                    is_marked: false,
                },
            ),
            ("pong", Meaning::SecondReply),
            ("tick", Meaning::ServerHeartbeat),
        ] {
            log.note(Frame::Text(text.into()), meaning, now, 2);
        }
        log.receive_binary(3, vec![1, 2], 3);
        let kinds: Vec<_> = log.kept_from(0).map(|row| row.kind.clone()).collect();
        let reply = Reply {
            text: "heartbeat".into(),
            round_trip: Duration::from_millis(30),
        };
        assert_eq!(
            kinds,
            [
                Kind::Heartbeat {
                    at: sent,
                    reply: Some(reply)
                },
                Kind::Reply { round_trip: None },
                Kind::ServerHeartbeat,
                Kind::Received
            ]
        );
        assert!(log.row(4).unwrap().is_cut());
        filter(&mut log, Show::Heartbeats, Search::Off);
        assert_eq!(log.len(), 3);
    }

    #[test]
    fn a_heartbeat_and_its_reply_are_one_row_whatever_came_between() {
        let mut log = log(10);
        beat(&mut log, 100);
        log.receive_text("between".into(), 2);
        answer(&mut log, "pong", 100, 130);
        let row = log.row(1).unwrap();
        let reply = row.reply().unwrap();
        assert_eq!((&*reply.text, reply.round_trip), ("pong", at(30)));
        assert_eq!(log.rows.bytes, "heartbeatbetweenpong".len());
        assert_eq!(log.take_changed(), Some(1));
        // It belongs to none that is known.
        answer(&mut log, "pong", 90, 140);
        beat(&mut log, 200);
        answer(&mut log, &"long ".repeat(1_000), 200, 230);
        let replies = log.kept_from(0).filter_map(|row| {
            if let Kind::Reply { round_trip } = row.kind {
                round_trip
            } else {
                None
            }
        });
        assert_eq!(replies.collect::<Vec<_>>(), [at(50), at(30)]);
    }

    #[test]
    fn a_row_that_the_reply_lets_be_found_is_shown_in_its_place() {
        for (show, count) in [(Show::All, 2), (Show::Sent, 0)] {
            let mut log = log(10);
            filter(&mut log, show, text("pong"));
            beat(&mut log, 1);
            log.receive_text("pong by hand".into(), 2);
            answer(&mut log, "pong", 1, 3);
            let numbers: Vec<_> = log.shown(0).map(|line| line.number).collect();
            assert_eq!(numbers, [1, 2][..count], "{show:?}");
        }
    }

    #[test]
    fn beats_between_which_nothing_happened_are_one_line() {
        let mut log = log(7);
        let beats = |log: &Log| -> Vec<_> {
            let lines = log.shown(0);
            lines.map(|line| line.run.map(|run| run.beats)).collect()
        };
        log.receive_text("a".into(), 1);
        question(&mut log);
        assert_eq!(beats(&log), [None; 3]);
        question(&mut log);
        assert_eq!(beats(&log), [None, Some(2)]);
        let line = log.shown(1).next().unwrap();
        assert_eq!((line.number, line.row.number), (2, 5));
        assert_eq!(line.run.unwrap().since, 2);
        assert_eq!(log.rows_of(2).count(), 4);
        assert_eq!(
            (log.index_of(2), log.index_of(4), log.index_of(6)),
            (1, 1, 2)
        );
        log.receive_text("b".into(), 3);
        question(&mut log);
        assert_eq!(beats(&log), [Some(2), None, None, None]);
        // The oldest go one by one: the question, its answer, and the next question.
        for expected in [Some(1), Some(1), None] {
            log.receive_text("c".into(), 4);
            assert_eq!(beats(&log)[0], expected);
        }
        filter(&mut log, Show::Heartbeats, Search::Off);
        assert!(beats(&log).iter().all(Option::is_none));
        log.pause(true);
        filter(&mut log, Show::All, Search::Off);
        question(&mut log);
        question(&mut log);
        assert_eq!(log.missed(), 1);
    }

    #[test]
    fn replies_are_no_beats_unless_there_are_no_others() {
        let mut log = log(20);
        let beats = |log: &Log| log.shown(0).last().unwrap().run.map(|run| run.beats);
        let note = |log: &mut Log, meaning| log.note(Frame::Text("pong".into()), meaning, at(9), 2);
        for number in 1..=3 {
            beat(&mut log, number);
            answer(&mut log, "heartbeat", number, number);
            note(&mut log, Meaning::SecondReply);
        }
        assert_eq!((log.len(), beats(&log)), (1, Some(3)));
        log.receive_text("between".into(), 3);
        for number in 1..=5 {
            note(&mut log, Meaning::Unasked);
            let expected = (number > 2).then_some(number);
            assert_eq!(beats(&log), expected);
        }
    }

    #[test]
    fn what_somebody_else_finds_is_shown() {
        let mut log = log(3);
        for text in ["a", "b", "c", "d"] {
            log.receive_text(text.into(), 1);
        }
        filter(&mut log, Show::All, Search::Found(Vec::new()));
        let searched: Vec<_> = log
            .texts(3)
            .map(|(number, text)| (number, text.into_owned()))
            .collect();
        assert_eq!(searched, [(3, "c".into()), (4, "d".into())]);
        log.find(1, [2, 4].into_iter());
        assert_eq!(texts(&log), ["b", "d"]);
        log.receive_text("e".into(), 1);
        log.find(4, [5].into_iter());
        assert_eq!(texts(&log), ["e"]);
        filter(&mut log, Show::Sent, Search::Found(vec![5]));
        assert!(log.is_empty());
    }

    #[test]
    fn each_change_of_the_connection_is_told() {
        let mut log = log(20);
        let loss = |code, was_open| Loss {
            closure: Closure {
                code,
                reason: "no more".into(),
                was_clean: true,
            },
            was_open,
            was_silent: false,
            error: None,
        };
        let at = Duration::from_secs;
        let connecting = |second| Status::Connecting { since: at(second) };
        let waiting = Status::Waiting {
            since: at(2),
            until: at(3),
        };
        let open = |second, outage| Status::Open {
            since: at(second),
            outage,
        };
        let path = [
            Status::Idle,
            connecting(0),
            open(1, None),
            open(1, None),
            waiting,
            Status::Waiting {
                since: at(2),
                until: at(9),
            },
            connecting(3),
            open(4, Some(Duration::from_millis(2_600))),
            Status::Stopped,
            connecting(5),
            Status::TurnedAway,
        ];
        for step in path.windows(2) {
            let loss = if step[1] == Status::TurnedAway {
                loss(1008, false)
            } else {
                loss(1012, true)
            };
            log.change((step[0], step[1]), Some(&loss), "ws://a/", None, 7);
        }
        assert_eq!(
            texts(&log),
            [
                "Opening ws://a/.",
                "Connected",
                "Connection lost: Close code 1012 (service restart): no more.",
                "Opening ws://a/.",
                "Reconnected: The connection was down for 3 seconds. Messages sent to you in that time may be missing.",
                "Disconnected",
                "Opening ws://a/.",
                "Could not connect: Close code 1008 (policy violation): no more.",
                "Closed by the server",
            ]
        );
        let stomp = Stomp::new("/queue/a");
        let open = open(4, Some(Duration::from_secs(3)));
        log.change((connecting(3), open), None, "ws://a/", Some(&stomp), 7);
        assert_eq!(
            texts(&log).last().unwrap(),
            "Reconnected: The connection was down for 3 seconds. What still waits in the queue comes now."
        );
        filter(&mut log, Show::All, text("POLICY"));
        assert_eq!(log.len(), 1);
        log.speak(Lang::ZhCn.words());
        assert!(log.is_empty());
    }

    #[test]
    fn the_whole_text_is_searched() {
        let mut log = log(10);
        log.receive_text((" ".repeat(100_000) + "needle").into(), 1);
        log.receive_text("hay".into(), 1);
        log.receive_binary(6, b"Needle".into(), 1);
        filter(&mut log, Show::All, text("NEEDLE"));
        assert_eq!(log.len(), 2);
        log.receive_text("another Needle".into(), 1);
        log.receive_text("more hay".into(), 1);
        assert_eq!(log.len(), 3);
        filter(&mut log, Show::Sent, text("needle"));
        assert!(log.is_empty());
        filter(&mut log, Show::All, Search::Off);
        assert_eq!(log.len(), 5);
    }

    #[test]
    fn what_is_shown_stands_still_while_paused() {
        let mut log = log(2);
        for text in ["a", "b"] {
            log.receive_text(text.into(), 1);
        }
        log.pause(true);
        for text in ["c", "d", "e"] {
            log.receive_text(text.into(), 1);
        }
        assert_eq!(
            (texts(&log), log.missed()),
            (vec!["a".into(), "b".into()], 2)
        );
        let lines: Vec<_> = log.json_lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(lines[0].contains("\"a\"") && lines[3].contains("\"e\""));
        log.pause(false);
        assert_eq!(
            (texts(&log), log.missed()),
            (vec!["d".into(), "e".into()], 0)
        );
        assert_eq!(log.dropped(), 3);
    }

    #[test]
    fn what_came_after_a_clear_stays_when_it_is_undone() {
        let mut log = log(10);
        log.receive_text("a".into(), 1);
        log.clear();
        assert!(log.is_empty() && log.is_blank() && log.can_undo_clear());
        log.clear();
        assert!(log.can_undo_clear());
        log.receive_text("b".into(), 1);
        assert_eq!(log.json_lines().count(), 1);
        log.undo_clear();
        assert_eq!(texts(&log), ["a", "b"]);
        assert!(!log.can_undo_clear());

        log.clear();
        log.receive_text("c".into(), 1);
        log.clear();
        log.undo_clear();
        assert_eq!(texts(&log), ["c"]);
        assert_eq!(log.dropped(), 0);
    }

    #[test]
    fn a_text_larger_than_the_log_is_cut_and_says_so() {
        let mut log = log(10);
        log.receive_text("before".into(), 1);
        log.receive_text("好".repeat(MAX_BYTES / 3 + 1).into(), 1);
        let row = log.shown(0).next().unwrap().row;
        assert_eq!((log.len(), row.number, row.is_cut()), (1, 2, true));
        assert!(row.payload.bytes().len() <= MAX_BYTES && row.size > MAX_BYTES);
    }

    #[test]
    fn a_binary_frame_is_kept_whole_within_the_limit() {
        let mut log = log(10);
        log.receive_text("before".into(), 1);
        let bytes: Vec<u8> = (0..=255).cycle().take(MAX_BYTES - 6).collect();
        log.receive_binary(bytes.len(), bytes.clone(), 1);
        let row = log.row(2).unwrap();
        assert_eq!((log.len(), row.is_cut()), (2, false));
        assert!(row.payload.bytes() == bytes);

        log.receive_binary(1, vec![0], 1);
        assert_eq!((log.len(), log.dropped()), (2, 1));
        log.receive_binary(MAX_BYTES + 1, vec![1; MAX_BYTES + 1], 1);
        let row = log.row(4).unwrap();
        assert_eq!((log.len(), row.is_cut()), (1, true));
        assert_eq!(
            (row.payload.bytes().len(), row.size),
            (MAX_BYTES, MAX_BYTES + 1)
        );
    }

    proptest! {
        #[test]
        fn a_log_shows_what_one_shows_that_looks_at_everything(
            steps in vec(any_step(), 1..60), limit in 1..8_usize,
        ) {
            let mut log = log(limit);
            let mut model = Model::new(limit);
            for step in steps {
                step.take(&mut log);
                model.take(&step);
                let lines = log.shown(0).map(|line| (line.row.number, line.run.map(|run| run.beats)));
                let shown: Vec<_> = lines.collect();
                prop_assert_eq!(&shown, &model.shown(), "{:?}", step);
                prop_assert_eq!(log.len(), shown.len());
                prop_assert_eq!(log.can_undo_clear(), model.can_undo());
                prop_assert!(log.rows.len() <= limit);
                let bytes: usize = log.rows.rows.iter().map(|row| row.payload.bytes().len()).sum();
                prop_assert_eq!(log.rows.bytes, bytes);
                prop_assert!(log.unsettled.len() <= limit);
                for (index, (number, beats)) in shown.into_iter().enumerate() {
                    prop_assert_eq!(log.index_of(number), index);
                    let line = log.shown(index).next().unwrap();
                    prop_assert_eq!(line.row.number, number);
                    prop_assert_eq!(log.index_of(line.number), index);
                    let rows: Vec<_> = log.rows_of(line.number).map(|row| row.number).collect();
                    prop_assert_eq!(rows.len() as u64, beats.unwrap_or(1));
                    prop_assert_eq!(rows.last(), Some(&number));
                }
            }
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Receive(&'static str),
        Beat,
        Queue,
        Pause(bool),
        Clear,
        Undo,
        Filter(Show, &'static str),
    }

    fn any_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            8 => prop_oneof![Just("a"), Just("b"), Just("AB")].prop_map(Step::Receive),
            2 => Just(Step::Beat),
            2 => Just(Step::Queue),
            2 => any::<bool>().prop_map(Step::Pause),
            1 => Just(Step::Clear),
            1 => Just(Step::Undo),
            2 => (0..5_usize, prop_oneof![Just(""), Just("a"), Just("b")])
                .prop_map(|(show, search)| Step::Filter(Show::EACH[show], search)),
        ]
    }

    impl Step {
        fn take(&self, log: &mut Log) {
            match self {
                Self::Receive(text) => log.receive_text((*text).into(), 0),
                Self::Beat => log.send(&Transmit::Heartbeat("a".into()), at(0), 0),
                Self::Queue => log.queue(messages(1).remove(0), 0),
                Self::Pause(pauses) => log.pause(*pauses),
                Self::Clear => log.clear(),
                Self::Undo => log.undo_clear(),
                Self::Filter(show, search) => filter(log, *show, text(search)),
            }
        }
    }

    /// Does the same with plain lists of number, kind and text.
    struct Model {
        limit: usize,
        next: u64,
        rows: Vec<(u64, Show, String)>,
        still: Option<Vec<(u64, Show, String)>>,
        cleared: u64,
        show: Show,
        search: &'static str,
    }

    impl Model {
        fn new(limit: usize) -> Self {
            Self {
                limit,
                next: 1,
                rows: Vec::new(),
                still: None,
                cleared: 0,
                show: Show::All,
                search: "",
            }
        }

        fn take(&mut self, step: &Step) {
            match step {
                Step::Receive(text) => self.push(Show::Received, text),
                Step::Beat => self.push(Show::Heartbeats, "a"),
                Step::Queue => self.push(Show::Sent, "0"),
                Step::Pause(true) => {
                    self.still.get_or_insert_with(|| self.rows.clone());
                }
                Step::Pause(false) => self.still = None,
                Step::Clear => {
                    if self.rows.iter().any(|row| row.0 >= self.cleared) {
                        let cleared = self.cleared;
                        self.rows.retain(|row| row.0 >= cleared);
                        if let Some(still) = &mut self.still {
                            still.retain(|row| row.0 >= cleared);
                        }
                        self.cleared = self.next;
                    }
                }
                Step::Undo => self.cleared = 0,
                Step::Filter(show, search) => (self.show, self.search) = (*show, search),
            }
        }

        fn push(&mut self, show: Show, text: &str) {
            self.rows.push((self.next, show, text.to_lowercase()));
            self.next += 1;
            let excess = self.rows.len().saturating_sub(self.limit);
            self.rows.drain(..excess);
        }

        fn visible(&self) -> &[(u64, Show, String)] {
            self.still.as_ref().unwrap_or(&self.rows)
        }

        /// The newest row of each line and, of a run of beats, how many.
        fn shown(&self) -> Vec<(u64, Option<u64>)> {
            let shown = self.visible().iter().filter(|(number, show, text)| {
                *number >= self.cleared
                    && [Show::All, *show].contains(&self.show)
                    && text.contains(self.search)
            });
            let shown: Vec<_> = shown.collect();
            let folds = self.show == Show::All && self.search.is_empty();
            let is_run = |a: &&(u64, Show, String), b: &&(u64, Show, String)| {
                folds && (a.1, b.1) == (Show::Heartbeats, Show::Heartbeats)
            };
            let lines = shown.chunk_by(is_run);
            let lines = lines.map(|line| {
                let beats = line.len() as u64;
                (line[line.len() - 1].0, (beats > 1).then_some(beats))
            });
            lines.collect()
        }

        fn can_undo(&self) -> bool {
            self.visible().iter().any(|row| row.0 < self.cleared)
        }
    }

    fn filter(log: &mut Log, show: Show, search: Search) {
        log.show(show);
        log.search(search);
    }

    fn text(needle: &str) -> Search {
        Needle::new(needle).map_or(Search::Off, Search::Text)
    }

    fn log(limit: usize) -> Log {
        Log::new(limit, Lang::En.words())
    }

    /// Messages with their number as their text.
    fn messages(count: usize) -> Vec<Message> {
        let mut outbox = Outbox::new(count);
        let messages = (0..count).map(|n| {
            outbox
                .push_typed(n.to_string(), Guarantee::AtLeastOnce)
                .clone()
        });
        messages.collect()
    }

    fn stages(log: &Log) -> Vec<Stage> {
        let stages = log.shown(0).filter_map(|line| {
            if let Kind::Sent { stage, .. } = line.row.kind {
                Some(stage)
            } else {
                None
            }
        });
        stages.collect()
    }

    fn texts(log: &Log) -> Vec<String> {
        let words = Lang::En.words();
        log.shown(0)
            .map(|line| line.row.text(words).into_owned())
            .collect()
    }

    fn beat(log: &mut Log, millis: u64) {
        log.send(&Transmit::Heartbeat("heartbeat".into()), at(millis), 2);
    }

    fn answer(log: &mut Log, text: &str, sent: u64, now: u64) {
        let meaning = Meaning::Reply {
            sent: at(sent),
            taken: 0,
            is_marked: false,
        };
        log.note(Frame::Text(text.into()), meaning, at(now), 2);
    }

    /// A question of the server, and its answer.
    fn question(log: &mut Log) {
        log.note(Frame::Text("?".into()), Meaning::Question, at(1), 2);
        log.send(&Transmit::Answer("!".into()), at(1), 2);
    }

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }
}
