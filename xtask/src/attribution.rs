//! What the page's WebAssembly is made of.
//!
//! `wasmparser` reads the module. The libraries of `twiggy`, 67 packages with a `wasmparser` of their own, tell the size
//! of each function; for whom generic code was made would still be told here.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use wasmparser::{BinaryReaderError, KnownCustom, Name, Parser, Payload};

use crate::process::{self, Process};
use crate::table::{Table, grouped};
use crate::tools::WASM;
use crate::{Error, root};

/// Tells what the module among the `files` of the page, a release, is made of: its code by the module of
/// Heartwire or the crate that a function is of, and what else there is.
///
/// The page has no names. They are taken from the same code as the compiler left it, which wasm-bindgen
/// is given once more.
///
/// # Errors
///
/// When there is no such module, or it is not of the last build.
pub(crate) async fn table<'a>(files: impl IntoIterator<Item = &'a [u8]>) -> Result<Table, Error> {
    let mut files = files.into_iter();
    let module = files
        .find(|file| file.starts_with(b"\0asm"))
        .ok_or_else(|| Error::Failed("the page has no WebAssembly".to_owned()))?;
    let folder = root().join("target/size");
    let compiled = target().await?.join(WASM).join("release/heartwire.wasm");
    let mut bind = process::command("wasm-bindgen", ["--target", "web", "--no-typescript"]);
    bind.arg("--out-dir").arg(&folder).arg(&compiled);
    Process::start(&mut bind)?.succeed().await?;
    let path = folder.join("heartwire_bg.wasm");
    let named = fs::read(&path)
        .map_err(|cause| Error::Failed(format!("{} cannot be read: {cause}", path.display())))?;

    let failed = |cause: BinaryReaderError| {
        Error::Failed(format!("the WebAssembly cannot be read: {cause}"))
    };
    let (module, named) = (
        Module::parse(module).map_err(failed)?,
        Module::parse(&named).map_err(failed)?,
    );
    if module.functions != named.functions {
        let old = "the page is not what was compiled last";
        return Err(Error::Failed(old.to_owned()));
    }
    Ok(named.table(module.size))
}

/// The folder in which cargo builds, which the caller may have chosen.
pub(crate) async fn target() -> Result<PathBuf, Error> {
    let arguments = ["metadata", "--format-version=1", "--no-deps"];
    let metadata = process::output(&mut process::command("cargo", arguments)).await?;
    let metadata: Value = serde_json::from_str(&metadata)
        .map_err(|cause| Error::Failed(format!("cargo's metadata cannot be read: {cause}")))?;
    let folder = metadata["target_directory"].as_str();
    Ok(PathBuf::from(folder.unwrap_or_default()))
}

/// What is known of a module; sizes are in bytes.
#[derive(Default)]
struct Module<'a> {
    size: usize,
    /// The code of each function.
    functions: Vec<&'a [u8]>,
    imported: u32,
    /// The names, by the index that counts the imports first.
    names: BTreeMap<u32, &'a str>,
    data: usize,
}

impl<'a> Module<'a> {
    fn parse(content: &'a [u8]) -> Result<Self, BinaryReaderError> {
        let mut module = Self {
            size: content.len(),
            ..Self::default()
        };
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "all else has no size of its own here"
        )]
        for payload in Parser::new(0).parse_all(content) {
            match payload? {
                Payload::ImportSection(section) => module.imported = section.count(),
                Payload::CodeSectionEntry(body) => module.functions.push(body.as_bytes()),
                Payload::DataSection(section) => {
                    for data in section {
                        module.data += data?.data.len();
                    }
                }
                Payload::CustomSection(section) => {
                    if let KnownCustom::Name(names) = section.as_known() {
                        for part in names {
                            if let Name::Function(names) = part? {
                                for name in names {
                                    let name = name?;
                                    module.names.insert(name.index, name.name);
                                }
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(module)
    }

    /// The parts of a module of this `size` that has this code and this data.
    fn table(&self, size: usize) -> Table {
        let mut parts = BTreeMap::new();
        for (index, code) in (self.imported..).zip(&self.functions) {
            let name = self.names.get(&index).copied().unwrap_or_default();
            *parts.entry(owner(name)).or_default() += code.len();
        }
        let (large, small): (Vec<_>, Vec<_>) =
            parts.into_iter().partition(|(_, part)| part * 100 >= size);
        let mut rows = large;
        rows.push((DATA.to_owned(), self.data));
        rows.sort_by_key(|(_, part)| std::cmp::Reverse(*part));
        rows.push((
            "smaller parts of the code".to_owned(),
            small.iter().map(|(_, part)| part).sum(),
        ));
        let told: usize = rows.iter().map(|(_, part)| part).sum();
        rows.push(("everything else".to_owned(), size - told));
        let mut table = Table::new(["part of the WebAssembly", "as it is"]);
        for (part, size) in rows {
            table.push([part, grouped(size)]);
        }
        table
    }
}

/// Whose a function is, by its name: its crate's, or of generic code of the standard library the first
/// crate's that it was made for. Heartwire's own is told by the module. A method of `str` or `char` names
/// no crate.
fn owner(name: &str) -> String {
    let is_of_path = |letter: char| letter.is_alphanumeric() || "_:[]".contains(letter);
    let paths = || {
        let words = name.split(|letter| !is_of_path(letter));
        let paths = words.filter(|word| word.contains("::") && !word.starts_with("::"));
        paths.map(path)
    };
    let is_known = |path: &Vec<&str>| !["core", "alloc", "std"].contains(&path[0]);
    let path = paths().find(is_known).or_else(|| paths().next());
    let depth = match path.as_deref() {
        Some(["heartwire", "core", ..] | ["heartwire_page", "web", ..]) => 3,
        Some(["heartwire" | "heartwire_page", ..]) => 2,
        Some(_) => 1,
        None if name.starts_with('<') => return "core".to_owned(),
        None => return "what the compiler adds".to_owned(),
    };
    let parts = path.into_iter().flatten();
    parts.take(depth).collect::<Vec<_>>().join("::")
}

/// The parts of a path: `core[c5930c85a12de822]::fmt` has `core` and `fmt`.
fn path(word: &str) -> Vec<&str> {
    let parts = word.trim_start_matches('[').split("::");
    let names = parts.map(|part| part.split('[').next().unwrap_or(part));
    names.collect()
}

/// Constants, most of them texts: a module does not say whose they are.
const DATA: &str = "data";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_of_the_first_that_is_not_the_standard_library() {
        for (name, expected) in [
            (
                "<heartwire_page[1a]::web::model::Model>::view",
                "heartwire_page::web::model",
            ),
            (
                "<heartwire_page[1a]::settings::table::Setting>::set",
                "heartwire_page::settings",
            ),
            (
                "<heartwire[1a]::core::outbox::Message as core[2b]::clone::Clone>::clone",
                "heartwire::core::outbox",
            ),
            (
                "<alloc[2b]::rc::Rc<str> as yew[3c]::utils::RcExt<str>>::unwrap_or_clone",
                "yew",
            ),
            (
                "core[2b]::ptr::drop_in_place::<yew[3c]::dom_bundle::bnode::BNode>",
                "yew",
            ),
            (
                "<dlmalloc[e24a]::dlmalloc::Dlmalloc<dlmalloc[e24a]::sys::System>>::malloc",
                "dlmalloc",
            ),
            ("<core[c593]::fmt::Formatter>::pad", "core"),
            ("<char>::escape_debug_ext", "core"),
            (
                "<[yew[3c]::VNode] as alloc[2b]::slice::ToVec>::to_vec",
                "yew",
            ),
            ("<alloc[2b]::vec::Vec<u8>>::push", "alloc"),
            ("memcpy", "what the compiler adds"),
        ] {
            assert_eq!(owner(name), expected, "{name}");
        }
    }

    #[test]
    fn every_byte_of_a_module_is_told_once() {
        // One function of six bytes without a name.
        let content = b"\0asm\x01\0\0\0\
            \x01\x04\x01\x60\0\0\
            \x03\x02\x01\0\
            \x0a\x08\x01\x06\0\x41\0\x1a\x0b\x0b";
        let module = Module::parse(content).unwrap();

        assert_eq!(module.functions, [b"\0\x41\0\x1a\x0b\x0b"]);
        assert_eq!(
            module.table(content.len()).markdown(),
            "| part of the WebAssembly | as it is |\n\
             | --- | ---: |\n\
             | what the compiler adds | 6 |\n\
             | data | 0 |\n\
             | smaller parts of the code | 0 |\n\
             | everything else | 22 |\n"
        );
    }
}
