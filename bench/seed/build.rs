//! Takes the example as it is, but for its address and its settings, and two names for what is measured.

use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed={EXAMPLE}");
    let mut page = fs::read_to_string(EXAMPLE).expect("the example is there");
    for (its, ours) in REPLACED {
        assert_eq!(page.matches(its).count(), 1, "{its} is in {EXAMPLE} once");
        page = page.replacen(its, ours, 1);
    }
    let out = env::var_os("OUT_DIR").expect("cargo names it");
    fs::write(Path::new(&out).join("seed.rs"), page).expect("it can be written");
}

const EXAMPLE: &str = "../../crates/heartwire/examples/seed/src/main.rs";

const REPLACED: [(&str, &str); 5] = [
    // An included file has no documentation of its own.
    ("//! ", "// "),
    ("use_heartwire,", "use_heartwire_with,"),
    (
        "use_heartwire(\"ws://localhost:8080\")",
        "use_heartwire_with(url(), options())",
    ),
    ("<input ", "<input id=\"message\" "),
    ("<output>", "<output id=\"received\">"),
];
