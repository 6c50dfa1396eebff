//! Limits of the system on this process.
//!
//! A sandbox may refuse to tell them: then they are unknown, and what exceeds them fails by itself.

/// Limited resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitedResource {
    /// Number of open files.
    OpenFiles,
    /// Bytes of the stack.
    Stack,
}

/// Limits of a resource; none where there is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessLimit {
    /// The limit that applies.
    pub current: Option<u64>,
    /// The limit up to which the process may raise it.
    pub maximum: Option<u64>,
}

impl ProcessLimit {
    /// The limits of a resource; none if they are not known.
    ///
    /// They are read from a file: the function of the library panics, or returns anything, where the system call is
    /// refused.
    #[cfg(target_os = "linux")]
    pub fn of(resource: LimitedResource) -> Option<Self> {
        let name = match resource {
            LimitedResource::OpenFiles => "Max open files",
            LimitedResource::Stack => "Max stack size",
        };
        parse_limit(&std::fs::read_to_string("/proc/self/limits").ok()?, name)
    }

    /// The limits of a resource; none if they are not known.
    #[cfg(all(unix, not(target_os = "linux")))]
    pub fn of(resource: LimitedResource) -> Option<Self> {
        use rustix::process::{Resource, Rlimit, getrlimit};
        let Rlimit { current, maximum } = getrlimit(match resource {
            LimitedResource::OpenFiles => Resource::Nofile,
            LimitedResource::Stack => Resource::Stack,
        });
        Some(Self { current, maximum })
    }

    /// The limits of a resource; none if they are not known.
    #[cfg(not(unix))]
    pub fn of(_: LimitedResource) -> Option<Self> {
        None
    }
}

/// Parses a line of a table: the name, the limits, and the unit.
#[cfg(target_os = "linux")]
fn parse_limit(table: &str, name: &str) -> Option<ProcessLimit> {
    let mut words = table.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace();
    let mut next = || match words.next()? {
        "unlimited" => Some(None),
        number => number.parse().ok().map(Some),
    };
    Some(ProcessLimit { current: next()?, maximum: next()? })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::{LimitedResource, ProcessLimit, parse_limit};

    #[test]
    fn limits_are_read_from_the_table_of_the_system() {
        let table = "Limit                     Soft Limit           Hard Limit           Units     \n\
                     Max stack size            8388608              unlimited            bytes     \n\
                     Max open files            1024                 524288               files     \n";
        let limit = |current, maximum| Some(ProcessLimit { current, maximum });
        assert_eq!(parse_limit(table, "Max stack size"), limit(Some(8_388_608), None));
        assert_eq!(parse_limit(table, "Max open files"), limit(Some(1024), Some(524_288)));
        assert_eq!(parse_limit(table, "Max locked memory"), None);
        assert_eq!(parse_limit("Max open files many", "Max open files"), None);
        assert!(ProcessLimit::of(LimitedResource::OpenFiles).is_some());
    }
}
