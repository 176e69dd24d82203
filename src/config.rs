//! What the operator says in `config.json`.

use crate::{
    access::{Access, UrlParam},
    messages::SavedMessages,
    payload::push_json_string,
    settings::{Allowed, Complaint, Setting, Source},
};

/// A value of the file, as far as its kind matters here.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Node {
    /// `null`.
    Null,
    /// A text.
    Text(String),
    /// A number or a switch as the file writes it.
    Literal(String),
    /// A list.
    List(Vec<Self>),
    /// An object: keys and values.
    Object(Vec<(String, Self)>),
}

/// What holds of the file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Config {
    /// Settings for everybody who says nothing else.
    pub defaults: Vec<(String, String)>,
    /// Settings whatever others say.
    pub mandatory: Vec<(String, String)>,
    /// The only hosts to connect to, if there are any; `self` is the page's own.
    pub allowed_hosts: Vec<String>,
    /// Whether a link may name a server.
    pub url_param: Option<UrlParam>,
    /// Messages for everybody to have at hand.
    pub messages: SavedMessages,
}

impl Config {
    /// Reads the file's whole value, and says what of it cannot be used.
    #[must_use]
    pub fn read(file: Node) -> (Self, Vec<Complaint>) {
        let mut config = Self::default();
        let mut complaints = Vec::new();
        for (key, node) in entries("config.json", file, &mut complaints) {
            match key.as_str() {
                "defaults" => config.defaults = settings("defaults", node, &mut complaints),
                "mandatory" => config.mandatory = settings("mandatory", node, &mut complaints),
                "allowed_hosts" => {
                    if let Some(hosts) = node.plain() {
                        let hosts = hosts.split(',').map(str::trim);
                        let hosts = hosts.filter(|host| !host.is_empty());
                        config.allowed_hosts = hosts.map(str::to_owned).collect();
                    } else {
                        // There is to be a limit, and this is the narrowest.
                        const NARROWEST: &str = "self";
                        complaints.push(Complaint {
                            instead: Some(NARROWEST.into()),
                            ..complaint(&key, &node, Allowed::Plain)
                        });
                        config.allowed_hosts = vec![NARROWEST.into()];
                    }
                }
                "url_param" => {
                    config.url_param = match &node {
                        Node::Text(word) if word == "ask" => Some(UrlParam::Ask),
                        Node::Text(word) if word == "allow" => Some(UrlParam::Allow),
                        Node::Text(word) if word == "off" => Some(UrlParam::Off),
                        Node::Null
                        | Node::Text(_)
                        | Node::Literal(_)
                        | Node::List(_)
                        | Node::Object(_) => {
                            let allowed = Allowed::OneOf(&["ask", "allow", "off"]);
                            complaints.push(complaint(&key, &node, allowed));
                            None
                        }
                    }
                }
                "messages" => config.messages = messages(&key, node, &mut complaints),
                _ => complaints.push(complaint(&key, &node, Allowed::Unknown)),
            }
        }
        (config, complaints)
    }

    /// Tells what it says about servers.
    pub fn restrict(&self, access: &mut Access) {
        access.allowed_hosts.clone_from(&self.allowed_hosts);
        if let Some(url_param) = self.url_param {
            access.url_param = url_param;
        }
    }
}

fn settings(part: &str, node: Node, complaints: &mut Vec<Complaint>) -> Vec<(String, String)> {
    let mut settings = Vec::new();
    for (key, node) in entries(part, node, complaints) {
        let name = format!("{part}.{key}");
        let Some(setting) = Setting::named(&key) else {
            complaints.push(complaint(&name, &node, Allowed::Unknown));
            continue;
        };
        let is_json = matches!(node, Node::List(_) | Node::Object(_)) && setting.takes_json();
        let text = is_json.then(|| node.json()).or_else(|| node.plain());
        match text {
            Some(text) => settings.push((key, text)),
            None => complaints.push(complaint(&name, &node, Allowed::Plain)),
        }
    }
    settings
}

fn messages(part: &str, node: Node, complaints: &mut Vec<Complaint>) -> SavedMessages {
    let mut messages = SavedMessages::default();
    for (name, node) in entries(part, node, complaints) {
        let text = match &node {
            Node::Text(text) => text.as_str().into(),
            Node::Null | Node::Literal(_) | Node::List(_) | Node::Object(_) => node.json().into(),
        };
        if let Err(refusal) = messages.save(&name, text, &SavedMessages::default()) {
            complaints.push(complaint(part, &node, Allowed::Messages(refusal)));
        }
    }
    messages
}

fn entries(name: &str, node: Node, complaints: &mut Vec<Complaint>) -> Vec<(String, Node)> {
    if let Node::Object(entries) = node {
        return entries;
    }
    complaints.push(complaint(name, &node, Allowed::Object));
    Vec::new()
}

impl Node {
    /// The value as people write it elsewhere. A list has commas between its items, so no item has any.
    fn plain(&self) -> Option<String> {
        match self {
            Self::Text(text) | Self::Literal(text) => Some(text.clone()),
            Self::List(items) => {
                let items = items.iter().map(|item| match item {
                    Self::Text(text) | Self::Literal(text) => {
                        (!text.contains(',')).then_some(text.as_str())
                    }
                    Self::Null | Self::List(_) | Self::Object(_) => None,
                });
                Some(items.collect::<Option<Vec<_>>>()?.join(","))
            }
            Self::Null | Self::Object(_) => None,
        }
    }

    /// The value as JSON.
    fn json(&self) -> String {
        let mut json = String::new();
        self.push_json(&mut json);
        json
    }

    fn push_json(&self, json: &mut String) {
        match self {
            Self::Null => json.push_str("null"),
            Self::Text(text) => push_json_string(json, text),
            Self::Literal(text) => json.push_str(text),
            Self::List(items) => {
                json.push('[');
                for (index, item) in items.iter().enumerate() {
                    json.push_str(if index > 0 { "," } else { "" });
                    item.push_json(json);
                }
                json.push(']');
            }
            Self::Object(entries) => {
                json.push('{');
                for (index, (key, node)) in entries.iter().enumerate() {
                    json.push_str(if index > 0 { "," } else { "" });
                    push_json_string(json, key);
                    json.push(':');
                    node.push_json(json);
                }
                json.push('}');
            }
        }
    }
}

fn complaint(name: &str, node: &Node, allowed: Allowed) -> Complaint {
    let value = match node {
        Node::Null => "null",
        Node::Text(text) | Node::Literal(text) => text,
        Node::List(_) => "[…]",
        Node::Object(_) => "{…}",
    };
    Complaint {
        setting: name.into(),
        value: value.into(),
        source: Some(Source::Defaults),
        allowed,
        instead: None,
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use crate::words::Lang;

    #[test]
    fn what_is_given_is_taken_as_people_write_it() {
        let file = object(vec![
            (
                "defaults",
                object(vec![
                    ("heartbeat", text("5s")),
                    ("outbox_limit", literal("7")),
                    (
                        "final_codes",
                        Node::List(vec![literal("1008"), literal("4001")]),
                    ),
                    ("protocols", Node::List(Vec::new())),
                    (
                        "reply_text",
                        Node::List(vec![
                            text("a, \"b\""),
                            object(vec![("v", literal("2")), ("t", text("2"))]),
                        ]),
                    ),
                    ("heartbeat_text", object(vec![("ping", Node::Null)])),
                    ("answers", object(vec![("2", literal("3"))])),
                ]),
            ),
            ("mandatory", object(vec![("retry", literal("false"))])),
            (
                "allowed_hosts",
                Node::List(vec![text("self"), text("a.example")]),
            ),
            ("url_param", text("off")),
            (
                "messages",
                object(vec![
                    (" login ", object(vec![("op", text("login"))])),
                    ("ask", text("\"who?\"")),
                    ("none", Node::Null),
                ]),
            ),
        ]);
        let (config, complaints) = Config::read(file);
        assert_eq!(complaints, []);
        let expected = Config {
            defaults: pairs(&[
                ("heartbeat", "5s"),
                ("outbox_limit", "7"),
                ("final_codes", "1008,4001"),
                ("protocols", ""),
                ("reply_text", r#"["a, \"b\"",{"v":2,"t":"2"}]"#),
                ("heartbeat_text", r#"{"ping":null}"#),
                ("answers", r#"{"2":3}"#),
            ]),
            mandatory: pairs(&[("retry", "false")]),
            allowed_hosts: vec!["self".into(), "a.example".into()],
            url_param: Some(UrlParam::Off),
            messages: SavedMessages::read(
                r#"{"login": {"op":"login"}, "ask": "\"who?\"", "none": null}"#,
            )
            .unwrap(),
        };
        assert_eq!(config, expected);
    }

    #[test]
    fn an_empty_file_says_nothing() {
        let nothing = (Config::default(), Vec::new());
        assert_eq!(Config::read(object(Vec::new())), nothing);
        let file = object(vec![
            ("defaults", object(Vec::new())),
            ("mandatory", object(Vec::new())),
            ("allowed_hosts", Node::List(Vec::new())),
            ("url_param", text("ask")),
        ]);
        let (config, complaints) = Config::read(file);
        assert_eq!((config.allowed_hosts, complaints), (vec![], vec![]));
    }

    #[test]
    fn what_cannot_be_used_is_named_and_the_rest_holds() {
        let nested = object(vec![("every", text("5s"))]);
        for (key, node, named) in [
            ("heartbeet", text("5s"), "defaults.heartbeet"),
            ("heartbeat", Node::Null, "defaults.heartbeat"),
            ("heartbeat", nested.clone(), "defaults.heartbeat"),
            (
                "protocols",
                Node::List(vec![text("a,b")]),
                "defaults.protocols",
            ),
            (
                "protocols",
                Node::List(vec![Node::Null]),
                "defaults.protocols",
            ),
        ] {
            let defaults = object(vec![(key, node), ("retry", text("false"))]);
            let (config, complaints) = Config::read(object(vec![("defaults", defaults)]));
            assert_eq!(config.defaults, pairs(&[("retry", "false")]));
            assert_named(&complaints, named);
        }
        for (key, node, named) in [
            ("default", nested.clone(), "default"),
            ("defaults", text("heartbeat=5s"), "defaults"),
            ("mandatory", Node::Null, "mandatory"),
            ("url_param", text("never"), "url_param"),
            ("messages", text("hello"), "messages"),
            ("messages", object(vec![(" ", text("hello"))]), "messages"),
        ] {
            let (config, complaints) = Config::read(object(vec![(key, node)]));
            assert_eq!(config, Config::default());
            assert_named(&complaints, named);
        }
        for hosts in [nested, Node::Null, Node::List(vec![Node::Null])] {
            let (config, complaints) = Config::read(object(vec![("allowed_hosts", hosts)]));
            assert_eq!(config.allowed_hosts, ["self"]);
            assert_named(&complaints, "allowed_hosts");
        }
        let (config, complaints) = Config::read(Node::List(Vec::new()));
        assert_eq!(config, Config::default());
        assert_named(&complaints, "config.json");
    }

    fn assert_named(complaints: &[Complaint], name: &str) {
        let [complaint] = complaints else {
            panic!("{name}: {complaints:?}");
        };
        assert_eq!(complaint.setting, name);
        for lang in Lang::ALL {
            let said = lang.words().complaint(complaint);
            assert!(
                said.contains("config.json") && said.contains(name),
                "{said}"
            );
        }
    }

    fn object(entries: Vec<(&str, Node)>) -> Node {
        let entries = entries.into_iter();
        Node::Object(entries.map(|(key, node)| (key.into(), node)).collect())
    }

    fn text(text: &str) -> Node {
        Node::Text(text.into())
    }

    fn literal(text: &str) -> Node {
        Node::Literal(text.into())
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let own = |(name, value): &(&str, &str)| ((*name).into(), (*value).into());
        pairs.iter().map(own).collect()
    }
}
