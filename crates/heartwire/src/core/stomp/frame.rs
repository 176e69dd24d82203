//! STOMP 1.2 frames (<https://stomp.github.io/stomp-specification-1.2.html>): text in, frames out, and back.

use std::{borrow::Cow, error, fmt};

/// A frame that somebody else's text holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Frame<'a> {
    /// What it is: `MESSAGE`, say.
    pub command: &'a str,
    /// Names and values, as they are meant: without escapes. Of a name that is repeated the first counts.
    pub headers: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// What it carries.
    pub body: &'a str,
}

impl Frame<'_> {
    /// The value of a header; `None` if there is none of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let header = headers.find(|header| header.0 == name)?;
        Some(&header.1)
    }
}

/// What stands first in a text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Item<'a> {
    /// A line end between frames: a heart-beat, or nothing.
    LineEnd,
    /// A frame.
    Frame(Frame<'a>),
}

/// A text that is no beginning of a frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Malformed {
    /// A line of its head has no colon, or nothing before it.
    Header,
    /// A header has a backslash before what is not to be escaped.
    Escape,
    /// Its head has a NUL.
    Head,
    /// Its content-length is no number.
    Length,
    /// No NUL stands where it says that it ends.
    End,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "a header without a colon",
            Self::Escape => "an escape that STOMP 1.2 does not know",
            Self::Head => "a NUL before the end of the headers",
            Self::Length => "a content-length that is no number",
            Self::End => "no NUL where the content-length says",
        })
    }
}

impl error::Error for Malformed {}

/// Splits the first frame off a text, or a line end; returns it with what follows. `None`: the text ends before
/// it does.
///
/// # Errors
///
/// [`Malformed`] when no frame begins so, whatever follows.
pub fn split(text: &str) -> Result<Option<(Item<'_>, &str)>, Malformed> {
    let Some((command, mut rest)) = split_line(text)? else {
        return Ok(None);
    };
    if command.is_empty() {
        return Ok(Some((Item::LineEnd, rest)));
    }
    let mut headers = Vec::new();
    loop {
        let Some((line, behind)) = split_line(rest)? else {
            return Ok(None);
        };
        rest = behind;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or(Malformed::Header)?;
        if name.is_empty() {
            return Err(Malformed::Header);
        }
        headers.push(if has_escapes(command) {
            (unescaped(name)?, unescaped(value)?)
        } else {
            (name.into(), value.into())
        });
    }
    let mut frame = Frame {
        command,
        headers,
        body: "",
    };
    let end = match frame.header("content-length") {
        None => rest.find(NUL),
        Some(length) => {
            let end = length.parse().map_err(|_| Malformed::Length)?;
            match rest.as_bytes().get(end) {
                None => None,
                Some(0) => Some(end),
                Some(_) => return Err(Malformed::End),
            }
        }
    };
    let Some(end) = end else {
        return Ok(None);
    };
    frame.body = &rest[..end];
    Ok(Some((Item::Frame(frame), &rest[end + 1..])))
}

/// Writes a frame. Its length is told where its body holds a NUL alone: brokers take a message whose length is told
/// for bytes (ActiveMQ, "Stomp": `content-length` makes a `BytesMessage`).
///
/// In `CONNECT` nothing is escaped, as the specification wants it: no header may have a line end there, and none a
/// NUL anywhere.
#[must_use]
pub fn write(command: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut frame = String::with_capacity(command.len() + body.len() + 128);
    frame.push_str(command);
    frame.push('\n');
    for (name, value) in headers {
        for (part, behind) in [(name, ':'), (value, '\n')] {
            if has_escapes(command) {
                escape(part, &mut frame);
            } else {
                frame.push_str(part);
            }
            frame.push(behind);
        }
    }
    if body.contains(NUL) {
        frame.extend(["content-length:", &body.len().to_string(), "\n"]);
    }
    frame.push('\n');
    frame.push_str(body);
    frame.push(NUL);
    frame
}

/// Ends a frame.
pub const NUL: char = '\0';

/// What is escaped in headers, and as what.
const ESCAPES: [(char, char); 4] = [('\\', '\\'), ('\r', 'r'), ('\n', 'n'), (':', 'c')];

/// STOMP 1.0 knew no escapes, so what comes before a version is agreed on has none.
fn has_escapes(command: &str) -> bool {
    !matches!(command, "CONNECT" | "CONNECTED")
}

/// Splits the first line of a head off, without its end.
fn split_line(text: &str) -> Result<Option<(&str, &str)>, Malformed> {
    let Some(end) = text.find(['\n', NUL]) else {
        return Ok(None);
    };
    let (line, rest) = text.split_at(end);
    if rest.starts_with(NUL) {
        return Err(Malformed::Head);
    }
    Ok(Some((line.strip_suffix('\r').unwrap_or(line), &rest[1..])))
}

fn escape(text: &str, escaped: &mut String) {
    for letter in text.chars() {
        match ESCAPES.iter().find(|(meant, _)| *meant == letter) {
            Some((_, written)) => escaped.extend(['\\', *written]),
            None => escaped.push(letter),
        }
    }
}

fn unescaped(text: &str) -> Result<Cow<'_, str>, Malformed> {
    if !text.contains('\\') {
        return Ok(text.into());
    }
    let mut unescaped = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        unescaped.push(if letter == '\\' {
            let written = letters.next();
            let escape = ESCAPES.iter().find(|(_, known)| written == Some(*known));
            escape.ok_or(Malformed::Escape)?.0
        } else {
            letter
        });
    }
    Ok(unescaped.into())
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// As RabbitMQ 3.10.8 sends them.
    #[test]
    fn what_rabbitmq_sends_is_read() {
        let (connected, rest) = frame(
            "CONNECTED\nserver:RabbitMQ/3.10.8\nsession:session-a:b\\n\nheart-beat:15000,10000\nversion:1.2\n\n\0\n",
        );
        assert_eq!(connected.command, "CONNECTED");
        assert_eq!(connected.header("heart-beat"), Some("15000,10000"));
        assert_eq!(connected.header("session"), Some("session-a:b\\n"));
        assert_eq!(connected.header("login"), None);
        assert_eq!(split(rest), Ok(Some((Item::LineEnd, ""))));

        let (message, rest) = frame(
            "MESSAGE\nsubscription:s1\ndestination:/queue/q\nx-heartwire-id:7\\c8\ncontent-length:7\n\n你好a\0\n",
        );
        assert_eq!(message.header("x-heartwire-id"), Some("7:8"));
        assert_eq!((message.body, rest), ("你好a", "\n"));

        let (error, _) = frame(
            "ERROR\nmessage:Bad CONNECT\ncontent-type:text/plain\nversion:1.0,1.1,1.2\ncontent-length:30\n\nAccess refused for user 'nosy'\0",
        );
        assert_eq!(error.header("message"), Some("Bad CONNECT"));
        assert_eq!(error.body, "Access refused for user 'nosy'");
    }

    #[test]
    fn the_first_of_repeated_headers_counts_and_lines_may_end_in_crlf() {
        let (frame, _) = frame("MESSAGE\r\nfoo:World\r\nfoo:Hello\r\n\r\nbody\r\n\0");
        assert_eq!(frame.header("foo"), Some("World"));
        assert_eq!(frame.body, "body\r\n");
    }

    #[test]
    fn values_keep_their_spaces_and_colons() {
        let (frame, _) = frame("MESSAGE\na: b \nc:d:e\nempty:\n\n\0");
        assert_eq!(frame.header("a"), Some(" b "));
        assert_eq!(frame.header("c"), Some("d:e"));
        assert_eq!(frame.header("empty"), Some(""));
    }

    #[test]
    fn what_is_no_frame_is_told_from_one_that_has_not_ended() {
        for (text, expected) in [
            ("MESSAGE\nfoo\n\n\0", Malformed::Header),
            ("MESSAGE\n:foo\n\n\0", Malformed::Header),
            ("MESSAGE\nfoo:\\t\n\n\0", Malformed::Escape),
            ("MESSAGE\nfoo:a\\\n\n\0", Malformed::Escape),
            ("hello\0", Malformed::Head),
            ("MESSAGE\nfoo:b\0", Malformed::Head),
            ("MESSAGE\ncontent-length:x\n\n\0", Malformed::Length),
            ("MESSAGE\ncontent-length:-1\n\n\0", Malformed::Length),
            ("MESSAGE\ncontent-length:1\n\nab\0", Malformed::End),
            // In the middle of a letter.
            ("MESSAGE\ncontent-length:1\n\n你\0", Malformed::End),
        ] {
            assert_eq!(split(text), Err(expected), "{text:?}");
        }
        for text in [
            "",
            "MES",
            "MESSAGE\n",
            "MESSAGE\nfoo:bar\n",
            "MESSAGE\n\nbody",
            "MESSAGE\ncontent-length:5\n\nbody\0",
            "MESSAGE\ncontent-length:4\n\nbody",
            "MESSAGE\ncontent-length:18446744073709551615\n\nbody\0",
        ] {
            assert_eq!(split(text), Ok(None), "{text:?}");
        }
    }

    #[test]
    fn a_login_is_written_as_it_is() {
        assert_eq!(
            write("CONNECT", &[("host", "a:b\\c")], ""),
            "CONNECT\nhost:a:b\\c\n\n\0"
        );
    }

    #[test]
    fn a_length_is_told_where_a_body_holds_a_nul_alone() {
        assert_eq!(write("SEND", &[], "a"), "SEND\n\na\0");
        assert_eq!(
            write("SEND", &[], "a\0你"),
            "SEND\ncontent-length:5\n\na\0你\0"
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            command in "[A-Z]{1,9}",
            headers in vec((r"[^\x00]{1,9}", r"[^\x00]{0,9}"), 0..5),
            body in "(?s).{0,30}",
            follows in "(?s).{0,30}",
        ) {
            prop_assume!(has_escapes(&command));
            let given: Vec<_> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
            let written = write(&command, &given, &body);
            for (end, _) in written.char_indices() {
                prop_assert_eq!(split(&written[..end]), Ok(None));
            }
            let written = written + &follows;
            let (frame, rest) = frame(&written);
            prop_assert_eq!(frame.command, command);
            prop_assert_eq!(frame.body, body);
            prop_assert_eq!(rest, follows);
            for (name, _) in &headers {
                let first = headers.iter().find(|header| header.0 == *name);
                prop_assert_eq!(frame.header(name), first.map(|header| &*header.1));
            }
        }

        #[test]
        fn any_text_is_borne_and_what_was_read_stays_so_whatever_follows(
            text in "(?s)(MESSAGE|CONNECTED|\n|\r\n|\0|:|\\\\[rnc\\\\x]?|content-length:[0-9]{1,2}\n|.){0,40}",
            follows in "(?s).{0,9}",
        ) {
            let longer = text.clone() + &follows;
            match split(&text) {
                Ok(Some((item, rest))) => {
                    prop_assert!(rest.len() < text.len());
                    let expected = Ok(Some((item, &longer[text.len() - rest.len()..])));
                    prop_assert_eq!(split(&longer), expected);
                }
                Ok(None) => {}
                Err(malformed) => prop_assert_eq!(split(&longer), Err(malformed)),
            }
        }
    }

    fn frame(text: &str) -> (Frame<'_>, &str) {
        match split(text) {
            Ok(Some((Item::Frame(frame), rest))) => (frame, rest),
            other => panic!("{text:?}: {other:?}"),
        }
    }
}
