//! What the operator says in `config.json`.

use crate::{
    access::{Access, UrlParam},
    settings::{Allowed, Complaint, Setting, Source},
};

/// A value of the file, as far as its kind matters here.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Node {
    /// `null`.
    Null,
    /// A text, or a number or a switch as the file writes it.
    Text(String),
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
                    if let Some(hosts) = plain(&node) {
                        let hosts = hosts.split(',').map(str::trim);
                        let hosts = hosts.filter(|host| !host.is_empty());
                        config.allowed_hosts = hosts.map(str::to_owned).collect();
                    } else {
                        complaints.push(complaint(&key, &node, Allowed::Plain));
                        // There is to be a limit, and this is the narrowest.
                        config.allowed_hosts = vec!["self".into()];
                    }
                }
                "url_param" => {
                    config.url_param = match &node {
                        Node::Text(word) if word == "ask" => Some(UrlParam::Ask),
                        Node::Text(word) if word == "allow" => Some(UrlParam::Allow),
                        Node::Text(word) if word == "off" => Some(UrlParam::Off),
                        Node::Null | Node::Text(_) | Node::List(_) | Node::Object(_) => {
                            let allowed = Allowed::OneOf(&["ask", "allow", "off"]);
                            complaints.push(complaint(&key, &node, allowed));
                            None
                        }
                    }
                }
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
        if Setting::named(&key).is_none() {
            complaints.push(complaint(&name, &node, Allowed::Unknown));
        } else if let Some(text) = plain(&node) {
            settings.push((key, text));
        } else {
            complaints.push(complaint(&name, &node, Allowed::Plain));
        }
    }
    settings
}

fn entries(name: &str, node: Node, complaints: &mut Vec<Complaint>) -> Vec<(String, Node)> {
    if let Node::Object(entries) = node {
        return entries;
    }
    complaints.push(complaint(name, &node, Allowed::Object));
    Vec::new()
}

/// A value as people write it elsewhere. A list has commas between its items, so no item has any.
fn plain(node: &Node) -> Option<String> {
    match node {
        Node::Text(text) => Some(text.clone()),
        Node::List(items) => {
            let items = items.iter().map(|item| match item {
                Node::Text(text) if !text.contains(',') => Some(text.as_str()),
                Node::Null | Node::Text(_) | Node::List(_) | Node::Object(_) => None,
            });
            Some(items.collect::<Option<Vec<_>>>()?.join(","))
        }
        Node::Null | Node::Object(_) => None,
    }
}

fn complaint(name: &str, node: &Node, allowed: Allowed) -> Complaint {
    let value = match node {
        Node::Null => "null",
        Node::Text(text) => text,
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
                    ("outbox_limit", text("7")),
                    ("final_codes", Node::List(vec![text("1008"), text("4001")])),
                    ("protocols", Node::List(Vec::new())),
                ]),
            ),
            ("mandatory", object(vec![("retry", text("false"))])),
            (
                "allowed_hosts",
                Node::List(vec![text("self"), text("a.example")]),
            ),
            ("url_param", text("off")),
        ]);
        let (config, complaints) = Config::read(file);
        assert_eq!(complaints, []);
        let expected = Config {
            defaults: pairs(&[
                ("heartbeat", "5s"),
                ("outbox_limit", "7"),
                ("final_codes", "1008,4001"),
                ("protocols", ""),
            ]),
            mandatory: pairs(&[("retry", "false")]),
            allowed_hosts: vec!["self".into(), "a.example".into()],
            url_param: Some(UrlParam::Off),
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
                "reply_text",
                Node::List(vec![text("a,b")]),
                "defaults.reply_text",
            ),
            (
                "reply_text",
                Node::List(vec![Node::Null]),
                "defaults.reply_text",
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

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let own = |(name, value): &(&str, &str)| ((*name).into(), (*value).into());
        pairs.iter().map(own).collect()
    }
}
