//! The files under `transcripts/`, as their README describes them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// Header names and values; null says that the header is not sent.
pub(super) type Headers = BTreeMap<String, Option<String>>;

/// A story.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Transcript {
    pub(super) provider: String,
    pub(super) story: String,
    pub(super) source: String,
    #[serde(default)]
    pub(super) headers: Headers,
    pub(super) exchanges: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Step {
    Exchange(Box<Exchange>),
    Check(Check),
}

/// A request, its answer, and what is so afterwards.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exchange {
    pub(super) note: String,
    pub(super) request: Request,
    pub(super) expect: Expect,
    pub(super) then: Option<Then>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    #[serde(default)]
    pub(super) headers: Headers,
    pub(super) body: Option<Value>,
    #[serde(rename = "rawBody")]
    pub(super) raw_body: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    pub(super) status: Status,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Option<Value>,
    #[serde(default)]
    pub(super) capture: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Status {
    One(u16),
    Any(Vec<u16>),
}

/// A GET that must be 200.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Then {
    pub(super) get: String,
    pub(super) body: Value,
}

/// A resource is as it was when it was last read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Check {
    pub(super) check: String,
    pub(super) of: String,
    pub(super) unchanged: bool,
}

impl Status {
    pub(super) fn allows(&self, status: u16) -> bool {
        match self {
            Self::One(one) => *one == status,
            Self::Any(several) => several.contains(&status),
        }
    }
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/transcripts")
}

/// `entra/raw-quotes.json`, of its provider and story as the list of tests names them.
pub(super) fn name((provider, story): (&str, &str)) -> String {
    format!("{provider}/{}.json", story.replace('_', "-"))
}

/// The names of all files there are.
pub(super) fn files() -> BTreeSet<String> {
    let names = |directory: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(directory).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let root = directory();
    let providers = names(&root).into_iter().filter(|path| path.is_dir());
    providers
        .flat_map(|provider| names(&provider))
        .map(|file| file.strip_prefix(&root).unwrap().display().to_string())
        .collect()
}

pub(super) fn read(name: &str) -> Transcript {
    let text = fs::read_to_string(directory().join(name)).unwrap();
    let transcript: Transcript =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let folder = format!("{}/", transcript.provider);
    assert!(name.starts_with(&folder), "{name} is not in {folder}");
    assert!(!transcript.story.is_empty(), "{name}: no story");
    assert!(!transcript.source.is_empty(), "{name}: no source");
    transcript
}
