//! The README's first five minutes, as a stranger would spend them: its own shell lines against the real program.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// The program's standard output until the tokens have been shown.
fn first_start(directory: &Path) -> (std::process::Child, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_scimd"))
        .current_dir(directory)
        .env("SCIMD_LISTEN", "127.0.0.1:0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut base, mut token) = (String::new(), String::new());
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if let Some(rest) = line.strip_prefix("SCIM base URL: ") {
            base = rest.to_owned();
        }
        if let Some(rest) = line.strip_prefix("token: ") {
            token = rest.to_owned();
            break;
        }
    }
    (child, base, token)
}

/// The blocks of shell lines that talk to a server.
fn curl_blocks(text: &str) -> String {
    let blocks = text
        .split("```sh\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap());
    let mut script = String::from("set -euo pipefail\n");
    for block in blocks.filter(|block| block.contains("curl")) {
        script.push_str(block);
        script.push_str("\necho\n");
    }
    script
}

#[test]
fn the_lines_of_the_readme_create_find_patch_deactivate_and_delete() {
    let directory = tempfile::TempDir::new().unwrap();
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let script = curl_blocks(&fs::read_to_string(readme).unwrap());
    let (mut child, base, token) = first_start(directory.path());
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(directory.path())
        .env("SCIM", base)
        .env("TOKEN", token)
        .output()
        .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let answers: Vec<&str> = said.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(answers.len(), 7, "{said}");
    for (answer, what) in answers.iter().zip([
        "\"userName\":\"ada@example.com\"",
        "\"totalResults\":1",
        "\"title\":\"Countess\"",
        "\"displayName\":\"Analysts\"",
        "\"display\":\"Analysts\"",
        "\"active\":false",
        "204",
    ]) {
        assert!(answer.contains(what), "{what}: {answer}");
    }
}
