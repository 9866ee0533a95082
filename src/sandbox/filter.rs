//! The system calls that a child may make: what a parser needs to have
//! memory, to read its file, to answer and to end.
//!
//! Everything else is `EPERM`, not death: a library that tries something and
//! can do without goes on. Arguments count: of the three descriptors each has
//! its one use, so that none that came along by accident has any, memory is
//! mapped for data only and not from a descriptor, and the one
//! signal it can send is its own abort. So one that is told to end was told
//! by somebody else.

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter,
};
use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::{io, process};

/// Calls whose arguments do not matter.
const FREE: &[i64] = &[
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_madvise,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_sigaltstack,
];

const STDIN: u64 = libc::STDIN_FILENO as u64;
const STDOUT: u64 = libc::STDOUT_FILENO as u64;
const STDERR: u64 = libc::STDERR_FILENO as u64;
const ABORT: u64 = libc::SIGABRT as u64;
const EXECUTABLE: u64 = libc::PROT_EXEC as u64;
const ANONYMOUS: u64 = libc::MAP_ANONYMOUS as u64;

/// Puts the filter on this process, for good.
pub(super) fn apply() -> io::Result<()> {
    let architecture = ARCH.try_into().map_err(io::Error::other)?;
    let program = program(architecture, process::id()).map_err(io::Error::other)?;
    apply_filter(&program).map_err(io::Error::other)
}

/// The filter for a process with this id.
fn program(architecture: TargetArch, own_id: u32) -> Result<BpfProgram, BackendError> {
    use SeccompCmpOp::{Eq, MaskedEq};
    let data_only = argument(2, MaskedEq(EXECUTABLE), 0)?;
    let from_nothing = argument(3, MaskedEq(ANONYMOUS), ANONYMOUS)?;
    let itself = argument(0, Eq, own_id.into())?;
    let abort = argument(2, Eq, ABORT)?;
    let on = |descriptor| argument(0, Eq, descriptor);
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        FREE.iter().map(|call| (*call, Vec::new())).collect();
    rules.extend([
        (
            libc::SYS_mmap,
            vec![all([data_only.clone(), from_nothing])?],
        ),
        (libc::SYS_mprotect, vec![all([data_only])?]),
        (libc::SYS_tgkill, vec![all([itself, abort])?]),
        (libc::SYS_pread64, vec![all([on(STDIN)?])?]),
        (libc::SYS_read, vec![all([on(STDOUT)?])?]),
        (
            libc::SYS_write,
            vec![all([on(STDOUT)?])?, all([on(STDERR)?])?],
        ),
        (libc::SYS_writev, vec![all([on(STDERR)?])?]),
    ]);
    SeccompFilter::new(
        rules,
        SeccompAction::Errno(libc::EPERM.unsigned_abs()),
        SeccompAction::Allow,
        architecture,
    )?
    .try_into()
}

/// A condition on the lower half of an argument; no argument here is wider.
fn argument(index: u8, is: SeccompCmpOp, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(index, SeccompCmpArgLen::Dword, is, value)
}

fn all<const N: usize>(conditions: [SeccompCondition; N]) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(conditions.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN_ID: u32 = 4711;

    /// What the filter says of a call, by running it as the kernel does.
    fn verdict(call: i64, arguments: [u64; 6]) -> u32 {
        let architecture = TargetArch::try_from(ARCH).unwrap();
        let audited: u32 = match architecture {
            TargetArch::x86_64 => 0xc000_003e,
            TargetArch::aarch64 => 0xc000_00b7,
            TargetArch::riscv64 => 0xc000_00f3,
        };
        let number = u32::try_from(call).unwrap();
        let mut data = [number, audited, 0, 0].map(u32::to_le_bytes).concat();
        data.extend(arguments.map(u64::to_le_bytes).concat());
        run(&program(architecture, OWN_ID).unwrap(), &data)
    }

    /// The few instructions that a filter has: load a word, and, compare and
    /// jump, return.
    fn run(program: &BpfProgram, data: &[u8]) -> u32 {
        let (mut at, mut accumulator) = (0, 0);
        loop {
            let step = &program[at];
            at += 1;
            let holds = match step.code {
                0x06 => return step.k,
                0x20 => {
                    let word = step.k as usize;
                    accumulator = u32::from_le_bytes(data[word..word + 4].try_into().unwrap());
                    continue;
                }
                0x54 => {
                    accumulator &= step.k;
                    continue;
                }
                0x05 => {
                    at += step.k as usize;
                    continue;
                }
                0x15 => accumulator == step.k,
                0x25 => accumulator > step.k,
                0x35 => accumulator >= step.k,
                code => panic!("instruction {code:#x}"),
            };
            at += usize::from(if holds { step.jt } else { step.jf });
        }
    }

    const ALLOWED: u32 = 0x7fff_0000;
    const REFUSED: u32 = 0x0005_0001;

    #[test]
    fn each_descriptor_has_its_one_use() {
        for (call, on) in [
            (libc::SYS_pread64, &[0_u64][..]),
            (libc::SYS_read, &[1]),
            (libc::SYS_write, &[1, 2]),
            (libc::SYS_writev, &[2]),
        ] {
            for descriptor in 0..10 {
                let expected = if on.contains(&descriptor) {
                    ALLOWED
                } else {
                    REFUSED
                };
                let found = verdict(call, [descriptor, 0, 0, 0, 0, 0]);
                assert_eq!(found, expected, "call {call} on {descriptor}");
            }
        }
    }

    #[test]
    fn memory_is_for_data_and_from_nothing() {
        let (read_write, execute) = (3, EXECUTABLE);
        let private = libc::MAP_PRIVATE as u64;
        for (protection, flags, expected) in [
            (read_write, private | ANONYMOUS, ALLOWED),
            (0, private | ANONYMOUS, ALLOWED),
            (read_write | execute, private | ANONYMOUS, REFUSED),
            (execute, private | ANONYMOUS, REFUSED),
            (1, private, REFUSED),
        ] {
            let found = verdict(libc::SYS_mmap, [0, 4096, protection, flags, 0, 0]);
            assert_eq!(found, expected, "{protection:x} {flags:x}");
        }
        let protect = |protection| verdict(libc::SYS_mprotect, [0, 4096, protection, 0, 0, 0]);
        assert_eq!(protect(read_write), ALLOWED);
        assert_eq!(protect(read_write | execute), REFUSED);
    }

    #[test]
    fn the_only_signal_is_its_own_abort() {
        let signal = |to: u32, signal| verdict(libc::SYS_tgkill, [to.into(), 1, signal, 0, 0, 0]);
        assert_eq!(signal(OWN_ID, ABORT), ALLOWED);
        assert_eq!(signal(OWN_ID, libc::SIGTERM as u64), REFUSED);
        assert_eq!(signal(OWN_ID - 1, ABORT), REFUSED);
        for call in [libc::SYS_kill, libc::SYS_tkill, libc::SYS_pidfd_send_signal] {
            assert_eq!(verdict(call, [OWN_ID.into(), ABORT, 0, 0, 0, 0]), REFUSED);
        }
    }

    #[test]
    fn what_is_not_on_the_list_is_refused() {
        let restricted = [
            libc::SYS_mmap,
            libc::SYS_mprotect,
            libc::SYS_tgkill,
            libc::SYS_pread64,
            libc::SYS_read,
            libc::SYS_write,
            libc::SYS_writev,
        ];
        for call in (0..1000).filter(|call| !restricted.contains(call)) {
            let expected = if FREE.contains(&call) {
                ALLOWED
            } else {
                REFUSED
            };
            assert_eq!(verdict(call, [0; 6]), expected, "call {call}");
        }
    }
}
