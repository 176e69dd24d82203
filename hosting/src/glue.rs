//! The script of wasm-bindgen between the module and the browser, and the names that both have.

use std::fs;
use std::io;
use std::path::Path;

use crate::{integrity, remarks};

/// Shortens the names of the module's imports in `folder`, in the module and in its script, and leaves
/// out of both what only people read. Returns `page` with the hashes of what they are now.
///
/// The names are half of what the script weighs under brotli, and nothing but the two files knows them.
/// Trunk hashes the module as it was, for the names of both, and hosts are told to keep files under such
/// names for good.
///
/// # Errors
///
/// When there are no such files, they are not what wasm-bindgen makes, or the page does not name them.
pub(crate) fn shorten(folder: &Path, page: &str) -> Result<String, String> {
    let unreadable = |cause: io::Error| cause.to_string();
    let stem = stem_of_module(folder).map_err(unreadable)?;
    let path = |stem: &str, ending: &str| folder.join(format!("{stem}{ending}"));
    let module = fs::read(path(&stem, MODULE)).map_err(unreadable)?;
    let script = fs::read_to_string(path(&stem, SCRIPT)).map_err(unreadable)?;

    let (short_module, names) = rename_imports(&module).ok_or("the module is not as expected")?;
    let short_script = rename_keys(&remarks::without(&script), &names)?;

    let (name, _) = stem
        .rsplit_once('-')
        .ok_or("the module's name has no hash")?;
    let new_stem = format!(
        "{name}-{}",
        integrity::name_of(&[&short_module, short_script.as_bytes()])
    );
    for ending in [MODULE, SCRIPT] {
        fs::remove_file(path(&stem, ending)).map_err(unreadable)?;
    }
    fs::write(path(&new_stem, MODULE), short_module).map_err(unreadable)?;
    fs::write(path(&new_stem, SCRIPT), &short_script).map_err(unreadable)?;
    let renewed = integrity::renewed(page, &script, &short_script)?;
    shorten_snippets(&folder.join(SNIPPETS), renewed.replace(&stem, &new_stem))
}

/// Leaves out of the scripts that crates bring what only people read. Their names stay.
fn shorten_snippets(folder: &Path, mut page: String) -> Result<String, String> {
    let unreadable = |cause: io::Error| cause.to_string();
    if !folder.exists() {
        return Ok(page);
    }
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            page = shorten_snippets(&path, page)?;
            continue;
        }
        let script = fs::read_to_string(&path).map_err(unreadable)?;
        let short_script = remarks::without(&script);
        fs::write(&path, &short_script).map_err(unreadable)?;
        page = integrity::renewed(&page, &script, &short_script)?;
    }
    Ok(page)
}

/// Where wasm-bindgen puts the scripts that crates bring.
const SNIPPETS: &str = "snippets";

/// How the names of the two files end.
const MODULE: &str = "_bg.wasm";
const SCRIPT: &str = ".js";

fn stem_of_module(folder: &Path) -> io::Result<String> {
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        if let Some(stem) = name.to_string_lossy().strip_suffix(MODULE) {
            return Ok(stem.to_owned());
        }
    }
    Err(io::Error::other(format!("no file ends with {MODULE}")))
}

/// The names of imports, each with its short one, in the module's order.
#[derive(Debug, PartialEq)]
struct Names {
    /// The one that all of them are from.
    source: (String, String),
    imports: Vec<(String, String)>,
}

/// Gives the imports short names, but for those from the scripts that crates bring, which have names of their
/// own; leaves out the custom sections, which browsers ignore. Nothing if some imports are no functions, or
/// the others not all from one source.
///
/// WebAssembly Core Specification, §5.5: a section is its number, its size and its content; §5.5.3: a
/// custom one means nothing; §5.5.5: an import is two names, a kind and, for a function, the index of its
/// type.
fn rename_imports(module: &[u8]) -> Option<(Vec<u8>, Names)> {
    const CUSTOM: u8 = 0;
    const IMPORTS: u8 = 2;
    const FUNCTION: u8 = 0;
    let (head, mut rest) = module.split_at_checked(8)?;
    let mut renamed = head.to_vec();
    let mut source = None;
    let mut imports = Vec::new();
    while !rest.is_empty() {
        let number = take(&mut rest, 1)?[0];
        let mut content = take_sized(&mut rest)?;
        if number == CUSTOM {
            continue;
        }
        let mut section = Vec::new();
        if number == IMPORTS {
            let count = take_size(&mut content)?;
            put_size(&mut section, count);
            for _ in 0..count {
                let from = String::from_utf8(take_sized(&mut content)?.to_vec()).ok()?;
                let name = String::from_utf8(take_sized(&mut content)?.to_vec()).ok()?;
                if take(&mut content, 1)? != [FUNCTION] {
                    return None;
                }
                let kind = take_size(&mut content)?;
                let is_foreign = from.starts_with(&format!("./{SNIPPETS}/"));
                let (short_from, short) = if is_foreign {
                    (from.as_str(), name.clone())
                } else if *source.get_or_insert_with(|| from.clone()) == from {
                    (SOURCE, short_name(imports.len()))
                } else {
                    return None;
                };
                for text in [short_from, &short] {
                    put_size(&mut section, text.len());
                    section.extend(text.bytes());
                }
                section.push(FUNCTION);
                put_size(&mut section, kind);
                if !is_foreign {
                    imports.push((name, short));
                }
            }
        }
        section.extend(content);
        renamed.push(number);
        put_size(&mut renamed, section.len());
        renamed.extend(section);
    }
    let source = (source?, SOURCE.to_owned());
    Some((renamed, Names { source, imports }))
}

/// What the imports are from.
const SOURCE: &str = "_";

/// A name of as few letters as there can be: `a` to `z`, `aa`, `ba` and so on.
fn short_name(mut index: usize) -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
    let mut name = String::new();
    loop {
        name.push(char::from(LETTERS[index % LETTERS.len()]));
        index /= LETTERS.len();
        if index == 0 {
            return name;
        }
        index -= 1;
    }
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

fn take_sized<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let size = take_size(bytes)?;
    take(bytes, size)
}

/// Takes an unsigned number in LEB128, of at most 32 bits.
fn take_size(bytes: &mut &[u8]) -> Option<usize> {
    let mut size = 0;
    for shift in (0..35).step_by(7) {
        let byte = take(bytes, 1)?[0];
        size |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(size);
        }
    }
    None
}

fn put_size(bytes: &mut Vec<u8>, mut size: usize) {
    loop {
        let [low, ..] = size.to_le_bytes();
        size >>= 7;
        if size == 0 {
            bytes.push(low & 0x7f);
            return;
        }
        bytes.push(low | 0x80);
    }
}

/// Renames the script's properties that are the module's imports.
fn rename_keys(script: &str, names: &Names) -> Result<String, String> {
    let mut renamed = String::with_capacity(script.len());
    let mut imports: Vec<_> = names.imports.iter().collect();
    let (source, short_source) = &names.source;
    let source = format!("\"{source}\": ");
    let mut has_source = false;
    for whole in script.split_inclusive('\n') {
        let line = whole.trim_start();
        let is_key = |(name, _): &&(String, String)| {
            line.strip_prefix(name.as_str())
                .is_some_and(|rest| rest.starts_with(": "))
        };
        if let Some(index) = imports.iter().position(is_key) {
            let (name, short) = imports.swap_remove(index);
            renamed.extend([short, &line[name.len()..]]);
        } else if let Some(value) = line.strip_prefix(&source) {
            renamed.extend(["\"", short_source, "\": ", value]);
            has_source = true;
        } else {
            renamed.push_str(whole);
        }
    }
    match imports.first() {
        None if has_source => Ok(renamed),
        None => Err(format!("the script has no {source}")),
        Some((name, _)) => Err(format!("the script has no import {name}")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Two imports of functions, a section behind them, and a custom one.
    const MODULE_OF_TWO: &[u8] = b"\0asm\x01\0\0\0\
        \x02\x18\x02\x04./up\x03one\0\x05\x04./up\x03two\0\x81\x01\
        \x03\x02\x01\0\
        \0\x05\x04name";

    #[test]
    fn imports_get_short_names_and_what_is_custom_goes() {
        let (renamed, names) = rename_imports(MODULE_OF_TWO).unwrap();

        assert_eq!(
            renamed,
            b"\0asm\x01\0\0\0\
            \x02\x0e\x02\x01_\x01a\0\x05\x01_\x01b\0\x81\x01\
            \x03\x02\x01\0"
        );
        let own = |(long, short): (&str, &str)| (long.to_owned(), short.to_owned());
        assert_eq!(
            names,
            Names {
                source: own(("./up", "_")),
                imports: [("one", "a"), ("two", "b")].map(own).into(),
            }
        );
    }

    #[test]
    fn what_a_crate_brings_keeps_its_names() {
        let module = b"\0asm\x01\0\0\0\
            \x02\x23\x02\x0f./snippets/a.js\x03one\0\x05\x04./up\x03two\0\x81\x01";
        let (renamed, names) = rename_imports(module).unwrap();

        let kept = b"\x0f./snippets/a.js\x03one\0\x05";
        assert!(renamed.windows(kept.len()).any(|part| part == kept));
        assert_eq!(names.imports, [("two".to_owned(), "a".to_owned())]);
    }

    #[test]
    fn what_is_no_module_is_left() {
        for length in 9..MODULE_OF_TWO.len() {
            // The first section alone, or all but the last.
            let is_whole = [34, 38].contains(&length);
            assert_eq!(
                rename_imports(&MODULE_OF_TWO[..length]).is_some(),
                is_whole,
                "{length}"
            );
        }
    }

    #[test]
    fn names_do_not_repeat() {
        let names: Vec<_> = (0..1_000).map(short_name).collect();

        assert_eq!(names[25..28], ["z", "aa", "ba"]);
        let mut once = names.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), names.len());
    }

    #[test]
    fn the_script_has_the_same_names_and_no_remarks() {
        let (_, names) = rename_imports(MODULE_OF_TWO).unwrap();
        let script = "/**\n * Why.\n */\nconst all = {\n    one: function() { return 'two: '; },\n\n    \
            // How.\n    two: three,\n    \"./up\": all,\n};\n";

        assert_eq!(
            rename_keys(&remarks::without(script), &names).unwrap(),
            "const all = {\na: function() { return 'two: '; },\nb: three,\n\"_\": all,\n};\n"
        );
        assert!(rename_keys("one: 1", &names).is_err());
    }

    #[test]
    fn a_text_of_several_lines_stays() {
        let script = "const text = `\n  // Here.\n`;\n";
        let (_, names) = rename_imports(MODULE_OF_TWO).unwrap();

        let keys = "one: 1,\ntwo: 2,\n\"./up\": 3,\n";
        let renamed = rename_keys(&[keys, script].concat(), &names).unwrap();
        assert!(renamed.ends_with(script), "{renamed}");
    }
}
