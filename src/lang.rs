//! The page's languages.

/// Makes [`Lang`] of a line for each language: its name, and its tag as BCP 47 writes it.
macro_rules! languages {
    ($($(#[$doc:meta])* $name:ident $tag:literal,)*) => {
        /// A language of the page.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub enum Lang {
            $($(#[$doc])* $name,)*
        }

        impl Lang {
            /// Every language.
            pub const ALL: [Self; Self::TAGS.len()] = [$(Self::$name),*];

            /// Every language's tag.
            pub const TAGS: &'static [&'static str] = &[$($tag),*];

            /// Its tag, as BCP 47 writes it.
            #[must_use]
            pub fn tag(self) -> &'static str {
                match self {
                    $(Self::$name => $tag,)*
                }
            }
        }
    };
}

languages! {
    /// English.
    En "en",
    /// Simplified Chinese.
    ZhCn "zh-CN",
}

impl Lang {
    /// The language with this tag.
    #[must_use]
    pub fn of(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lang| lang.tag() == tag)
    }

    /// The language for somebody who prefers these, by BCP 47 tags, best first; the first of all if
    /// none is known.
    #[must_use]
    pub fn preferred<'a>(tags: impl IntoIterator<Item = &'a str>) -> Self {
        let language = |tag: &'a str| tag.split('-').next();
        tags.into_iter()
            .find_map(|tag| {
                let is_same = |known: &Self| language(known.tag()) == language(tag);
                Self::ALL.into_iter().find(is_same)
            })
            .unwrap_or(Self::ALL[0])
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    #[test]
    fn the_best_known_language_wins() {
        for (tags, expected) in [
            (&["zh-CN", "en"][..], Lang::ZhCn),
            (&["fr", "zh-Hant-TW"][..], Lang::ZhCn),
            (&["de", "en-GB", "zh"][..], Lang::En),
            (&["fr"][..], Lang::En),
            (&[][..], Lang::En),
        ] {
            assert_eq!(Lang::preferred(tags.iter().copied()), expected, "{tags:?}");
        }
    }
}
