//! The example `seed` as it is measured beside other pages.

mod settings;

include!(concat!(env!("OUT_DIR"), "/seed.rs"));
