//! The README's first five minutes and the manual's commands, as a stranger would type them: their own shell lines against the real program.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// What the program prints at its first start.
struct FirstStart {
    child: Child,
    base: String,
    token: String,
    admin_token: String,
}

fn first_start(directory: &Path) -> FirstStart {
    let mut child = Command::new(env!("CARGO_BIN_EXE_scimd"))
        .current_dir(directory)
        .env("SCIMD_LISTEN", "127.0.0.1:0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut base, mut token, mut admin_token) = (String::new(), String::new(), String::new());
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if let Some(rest) = line.strip_prefix("SCIM base URL: ") {
            base = rest.to_owned();
        }
        if let Some(rest) = line.strip_prefix("token: ") {
            token = rest.to_owned();
        }
        if let Some(rest) = line.strip_prefix("admin token: ") {
            admin_token = rest.to_owned();
            break;
        }
    }
    FirstStart {
        child,
        base,
        token,
        admin_token,
    }
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

/// What the shell lines of a document print, line by line.
fn typed(document: &str) -> Vec<String> {
    let directory = tempfile::TempDir::new().unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(document);
    let script = curl_blocks(&fs::read_to_string(&path).unwrap());
    // The files that a line sends stand beside the document.
    for file in fs::read_dir(path.parent().unwrap()).unwrap() {
        let file = file.unwrap();
        if file.path().extension().is_some_and(|one| one == "json") {
            fs::copy(file.path(), directory.path().join(file.file_name())).unwrap();
        }
    }
    let mut started = first_start(directory.path());
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(directory.path())
        .env("SCIM", &started.base)
        .env("ADMIN", started.base.replace("/scim/v2", "/admin/v1"))
        .env("TOKEN", &started.token)
        .env("ADMIN_TOKEN", &started.admin_token)
        .output()
        .unwrap();
    started.child.kill().unwrap();
    started.child.wait().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let lines = said.replace("}{", "}\n{");
    let lines = lines.lines().filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

fn check(document: &str, expected: &[&str]) {
    let answers = typed(document);
    assert_eq!(answers.len(), expected.len(), "{answers:#?}");
    for (answer, what) in answers.iter().zip(expected) {
        assert!(answer.contains(what), "{what}: {answer}");
    }
}

#[test]
fn the_lines_of_the_readme_create_find_patch_deactivate_and_delete() {
    check(
        "README.md",
        &[
            "\"userName\":\"ada@example.com\"",
            "\"totalResults\":1",
            "\"title\":\"Countess\"",
            "\"displayName\":\"Analysts\"",
            "\"display\":\"Analysts\"",
            "\"active\":false",
            "204",
        ],
    );
}

#[test]
fn the_lines_about_extending_add_an_attribute_and_a_resource_type() {
    check(
        "docs/EXTENDING.md",
        &[
            "\"wireName\":\"Business Unit\"",
            "\"Business Unit\":\"Engineering\",\"level\":7",
            "\"totalResults\":1",
            "\"name\":\"businessUnit\"",
            "\"id\":\"urn:example:core:1.0:Desk\"",
            "\"endpoint\":\"/Desks\"",
            "\"label\":\"4-17\"",
            "\"totalResults\":1",
            "\"dryRun\":true,\"fits\":false,\"count\":1",
        ],
    );
}

#[test]
fn the_templates_are_taken_as_they_are() {
    let urns = [
        "extension:peakon:2.0:User",
        "extension:4me:1.0:custom_fields",
        "core:2.0:EndpointApp",
        "/EndpointApps",
        "core:2.0:Device",
        "extension:ble:2.0:Device",
        "extension:dpp:2.0:Device",
        "extension:ethernet-mab:2.0:Device",
        "extension:fido-device-onboard:2.0:Device",
        "extension:zigbee:2.0:Device",
        "extension:endpointAppsExt:2.0:Device",
        "/Devices",
    ];
    check("schemas/templates/README.md", &urns);
}

#[test]
fn the_lines_of_the_manual_make_a_tenant_and_its_token() {
    check(
        "docs/ADMINISTRATION.md",
        &[
            "\"slug\":\"acme\"",
            "\"items\":[",
            "\"displayName\":\"Acme Ltd\"",
            "\"perHour\":90000",
            "\"token\":\"scimd_",
            "\"items\":[",
        ],
    );
}
