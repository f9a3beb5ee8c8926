//! The servers as processes of their own: started, asked how much memory and time they take, ended.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::Outcome;
use crate::bare::Order;
use crate::program::BARE;

/// A server; it ends when it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    out: BufReader<ChildStdout>,
}

/// scimd after its first start.
pub(crate) struct Scimd {
    pub(crate) server: Server,
    pub(crate) token: String,
    pub(crate) admin: String,
}

impl Scimd {
    /// Starts the program that was built beside this one, as anybody would.
    pub(crate) fn start(url: &str, directory: &Path) -> Outcome<Scimd> {
        let mut server = Server::scimd(url, directory)?;
        let out = &mut server.out;
        let (mut token, mut admin) = (String::new(), String::new());
        while admin.is_empty() {
            let line = line(out)?;
            if let Some(text) = line.strip_prefix("token: ") {
                text.clone_into(&mut token);
            }
            if let Some(text) = line.strip_prefix("admin token: ") {
                text.clone_into(&mut admin);
            }
        }
        Ok(Scimd {
            server,
            token,
            admin,
        })
    }
}

impl Server {
    /// Starts scimd on a database, which another one may be serving already.
    pub(crate) fn scimd(url: &str, directory: &Path) -> Outcome<Server> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scimd"));
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("SCIMD_")) {
                command.env_remove(name);
            }
        }
        // The URL holds a password: others may read a command line.
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("SCIMD_DATABASE_URL", url)
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let mut out = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        let address = address(&line(&mut out)?)?;
        Ok(Server {
            child,
            address,
            out,
        })
    }

    /// Starts this program again as the bare server.
    pub(crate) fn bare(order: &Order) -> Outcome<Server> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(BARE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        // Kept open in `child`: when we end, however we end, so does it.
        let stdin = child.stdin.as_mut().ok_or("no standard input")?;
        writeln!(stdin, "{}", serde_json::to_string(order)?)?;
        let mut out = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        let address = address(&line(&mut out)?)?;
        Ok(Server {
            child,
            address,
            out,
        })
    }

    /// Resident memory in KiB, where the system tells.
    pub(crate) fn resident(&self) -> Option<u32> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    }

    /// Time on a processor so far, of all its threads, where the system tells.
    pub(crate) fn busy(&self) -> Duration {
        let tasks = format!("/proc/{}/task", self.child.id());
        let nanos = |task: fs::DirEntry| -> Option<u64> {
            let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse().ok()
        };
        let tasks = fs::read_dir(tasks).into_iter().flatten().flatten();
        Duration::from_nanos(tasks.filter_map(nanos).sum())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn line(out: &mut impl BufRead) -> Outcome<String> {
    let mut line = String::new();
    if out.read_line(&mut line)? == 0 {
        return Err("a server ended before it was ready".into());
    }
    Ok(line.trim_end().to_owned())
}

fn address(line: &str) -> Outcome<SocketAddr> {
    let text = line.strip_prefix("listening on http://");
    Ok(text.ok_or("expected the line `listening on …`")?.parse()?)
}
