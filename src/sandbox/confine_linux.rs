//! The layers, put on one by one, each tried before the next.
//!
//! The order is a matter of what is still possible: landlock needs a
//! descriptor, which the limits refuse, and a process under seccomp cannot
//! put on anything more.

use super::filter;
use super::layers::{Layer, Layers};
use super::limits::Limits;
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, LandlockStatus, Ruleset,
    RulesetAttr as _, RulesetError, RulesetStatus, Scope,
};
use rustix::io::{Errno, dup};
use rustix::process::{
    Resource, Rlimit, Signal, getppid, getrlimit, set_parent_process_death_signal, setrlimit,
};
use rustix::stdio::stdin;
use rustix::thread::set_no_new_privs;
use std::fs::{self, File};
use std::io;

/// The newest that the library knows; the kernel takes what it knows of it.
const LANDLOCK: ABI = ABI::V10;

/// How deep a parser may go is the same everywhere.
const STACK_BYTES: u64 = 8 * 1024 * 1024;

/// Confines this process, for good. Without seccomp it is not confined.
pub(super) fn confine(parent: u32, limits: Limits) -> io::Result<Layers> {
    let mut layers = Layers::default();
    end_with(parent)?;
    layers.note(Layer::Parent, true);
    // Where the machine is short of memory the kernel takes a child's first.
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
    // One that cannot be had here is reported, and missed by nobody else.
    layers.landlock_abi = lock_out().unwrap_or_default();
    layers.note(Layer::Landlock, refused(File::open("/"), Errno::ACCESS));
    limit(limits, &mut layers)?;
    set_no_new_privs(true)?;
    filter::apply()?;
    if !refused(File::open("/"), Errno::PERM) {
        return Err(io::Error::other("seccomp does not hold"));
    }
    layers.note(Layer::Seccomp, true);
    Ok(layers)
}

/// Ends this process when its parent's spawning thread ends.
fn end_with(parent: u32) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have ended just before.
    let now = getppid().map(|pid| pid.as_raw_nonzero().get());
    if now.and_then(|pid| u32::try_from(pid).ok()) == Some(parent) {
        return Ok(());
    }
    Err(io::Error::other("the parent has ended"))
}

/// Takes every right that landlock knows of, and gives none back. What the
/// kernel does not know of is left out, down to all of it.
fn lock_out() -> Result<Option<u32>, RulesetError> {
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(LANDLOCK))?
        .handle_access(AccessNet::from_all(LANDLOCK))?
        .scope(Scope::from_all(LANDLOCK))?
        .create()?
        .restrict_self()?;
    Ok(match status.landlock {
        LandlockStatus::Available { effective_abi, .. }
            if status.ruleset != RulesetStatus::NotEnforced =>
        {
            u32::try_from(effective_abi as i32).ok()
        }
        _ => None,
    })
}

/// Sets the limits, and finds out about those that can be tried.
fn limit(limits: Limits, layers: &mut Layers) -> io::Result<()> {
    let Limits {
        memory_bytes,
        cpu_seconds,
    } = limits;
    let hard_cpu = cpu_seconds.saturating_add(1);
    for (resource, soft, hard) in [
        (Resource::As, memory_bytes, memory_bytes),
        (Resource::Stack, STACK_BYTES, STACK_BYTES),
        (Resource::Cpu, cpu_seconds, hard_cpu),
        (Resource::Fsize, 0, 0),
        (Resource::Core, 0, 0),
        (Resource::Nofile, 3, 3),
    ] {
        lower(resource, soft, hard)?;
    }
    let too_much = usize::try_from(memory_bytes).unwrap_or(usize::MAX);
    let memory = Vec::<u8>::new().try_reserve_exact(too_much).is_err();
    layers.note(Layer::Memory, memory);
    layers.note(Layer::Descriptors, refused(dup(stdin()), Errno::MFILE));
    let at_most = |resource, most| getrlimit(resource).maximum.is_some_and(|now| now <= most);
    layers.note(Layer::Processor, at_most(Resource::Cpu, hard_cpu));
    layers.note(Layer::FileSize, at_most(Resource::Fsize, 0));
    Ok(())
}

/// Sets a limit, or leaves one that is lower already.
fn lower(resource: Resource, soft: u64, hard: u64) -> io::Result<()> {
    let hard = getrlimit(resource).maximum.unwrap_or(hard).min(hard);
    let limit = Rlimit {
        current: Some(soft.min(hard)),
        maximum: Some(hard),
    };
    Ok(setrlimit(resource, limit)?)
}

/// Whether it was refused, and by the one that refuses so.
fn refused<T, E: Into<io::Error>>(tried: Result<T, E>, so: Errno) -> bool {
    let Err(error) = tried else {
        return false;
    };
    error.into().raw_os_error() == Some(so.raw_os_error())
}
