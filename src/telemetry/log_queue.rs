//! Log lines on their way out. Whoever reads them may be slow, or stuck: a
//! full pipe must not hold up the service. Lines wait for a thread that writes
//! them, a bounded number; further ones are dropped and counted.
//!
//! `tracing-appender` does as much, up to the end: with its queue full, its
//! guard prints to standard output, which often is the same stuck pipe, and a
//! process that was told to stop would hang there.

use metrics::counter;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};
use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait.
const CAPACITY: usize = 1024;
/// How long the last lines may take to get out.
const PATIENCE: Duration = Duration::from_secs(1);

enum Entry {
    Line(Vec<u8>),
    /// Answered once everything before it is written.
    Flush(Sender<()>),
}

/// Where lines are handed over; never blocks.
#[derive(Clone)]
pub(super) struct LogQueue {
    lines: SyncSender<Entry>,
    dropped: Arc<AtomicU64>,
}

/// Waits, when dropped, until the lines so far are out, or a second.
#[must_use = "the last lines are lost without it"]
pub struct LogGuard(LogQueue);

impl LogQueue {
    /// Writes to `out` by a thread of its own.
    pub(super) fn start(mut out: impl Write + Send + 'static) -> io::Result<(Self, LogGuard)> {
        let (lines, waiting) = sync_channel(CAPACITY);
        let dropped = Arc::new(AtomicU64::new(0));
        let this = Self {
            lines,
            dropped: dropped.clone(),
        };
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || drain(&waiting, &dropped, &mut out))?;
        Ok((this.clone(), LogGuard(this)))
    }
}

/// A log that cannot be written is no reason to fail, and nobody to tell.
fn drain(waiting: &Receiver<Entry>, dropped: &AtomicU64, out: &mut impl Write) {
    while let Ok(entry) = waiting.recv() {
        match entry {
            Entry::Line(line) => {
                let _ = out.write_all(&line);
            }
            Entry::Flush(done) => {
                let _ = out.flush();
                let _ = done.send(());
            }
        }
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!(lines = lost, "log lines were dropped: nobody took them");
        }
    }
}

impl Write for LogQueue {
    /// The subscriber hands over whole lines.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.lines.try_send(Entry::Line(line.to_vec())).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            counter!("attachments_log_lines_dropped_total").increment(1);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogQueue {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        let (done, written) = channel();
        let mut flush = Entry::Flush(done);
        let began = Instant::now();
        // Where all places are taken the reader is slow, or stuck.
        while let Err(TrySendError::Full(back)) = self.0.lines.try_send(flush) {
            if began.elapsed() > PATIENCE {
                return;
            }
            flush = back;
            thread::sleep(PATIENCE / 100);
        }
        let _ = written.recv_timeout(PATIENCE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes nothing until it is let go.
    struct Stuck(Receiver<()>, Sender<Vec<u8>>);

    impl Write for Stuck {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            let _ = self.1.send(line.to_vec());
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_is_stuck_holds_up_nobody_and_lines_beyond_the_queue_are_counted() {
        let (let_go, stuck) = channel();
        let (sender, written) = channel();
        let (mut queue, guard) = LogQueue::start(Stuck(stuck, sender)).unwrap();
        for n in 0..CAPACITY + 10 {
            queue.write_all(format!("{n}\n").as_bytes()).unwrap();
        }
        // One may be with the writer by now.
        assert!((9..=10).contains(&queue.dropped.load(Ordering::Relaxed)));
        drop(let_go);
        assert_eq!(written.recv().unwrap(), b"0\n");
        queue.write_all(b"last\n").unwrap_or_default();
        drop(guard);
        assert_eq!(written.recv().unwrap(), b"1\n");
    }
}
