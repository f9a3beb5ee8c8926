//! The memory of the server, from outside and where the system tells.

use std::fs;

/// A process whose memory is watched.
pub(crate) struct Watched {
    pid: u32,
}

/// In KiB.
#[derive(Clone, Copy, Default)]
pub(crate) struct Memory {
    pub(crate) resident: u32,
    /// The most since the start, or since [`Watched::forget_peak`].
    pub(crate) peak: u32,
}

impl Watched {
    /// The child of this process with that name.
    pub(crate) fn child(name: &str) -> Option<Watched> {
        let us = std::process::id().to_string();
        let entries = fs::read_dir("/proc").ok()?.flatten();
        let mut pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let pid = pids.find(|pid| {
            field(*pid, "PPid:").as_ref() == Some(&us)
                && field(*pid, "Name:").as_deref() == Some(name)
        })?;
        Some(Watched { pid })
    }

    pub(crate) fn now(&self) -> Option<Memory> {
        let kib = |name| field(self.pid, name)?.strip_suffix(" kB")?.parse().ok();
        Some(Memory {
            resident: kib("VmRSS:")?,
            peak: kib("VmHWM:")?,
        })
    }

    /// Lets the peak be what is resident now (proc(5), `clear_refs`).
    pub(crate) fn forget_peak(&self) -> Option<Memory> {
        fs::write(format!("/proc/{}/clear_refs", self.pid), "5").ok()?;
        self.now()
    }
}

fn field(pid: u32, name: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(value.trim().to_owned())
}
