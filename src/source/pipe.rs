//! Cuts a stream in the background, so that a reader that blocks never blocks the rest.
//!
//! A pipe may pause in the middle of a chunk, and before its first byte: one thread does nothing but open and read it, and another cuts
//! and sends the lines at hand once they have waited for `flush_interval`. Queues are bounded and block; nothing is dropped.
//! [`Pipe::stop`] ends it early: what was received until then still comes, the line that is open included. When the receiver is gone
//! the threads end, the one that reads as soon as the pipe gives something.

use std::io::{self, Read};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, never, select};

use super::decompress::{self, Compression};
use super::lines::{ChunkOptions, Item, Splitter};

/// Items that may wait; with the default chunk that is 8 MiB (chosen: one being used, one ready).
const QUEUE: usize = 2;

/// Bytes asked of a pipe at once (Linux pipes hold 64 KiB).
const PIPE_STEP: usize = 64 << 10;

/// Reads from the pipe that may wait for the cutter (chosen: as much as one default chunk).
const PIPE_QUEUE: usize = 64;

/// Reads taken after [`Pipe::stop`]: those that wait, the one under way, and what the system holds (up to 1 MiB).
const LAST_READS: usize = PIPE_QUEUE + 17;

/// A pipe that is silent for so long after [`Pipe::stop`] has given what it had.
const SILENCE: Duration = Duration::from_millis(100);

/// A stream that is cut in the background.
pub struct Pipe {
    /// What it is cut into. The last may be an error; what was read before it has come by then.
    pub items: Receiver<io::Result<Item>>,
    compression: Arc<OnceLock<Compression>>,
    stop: Sender<()>,
}

impl Pipe {
    /// How the stream is compressed, known once something has come of it.
    #[must_use]
    pub fn compression(&self) -> Compression {
        self.compression.get().copied().unwrap_or(Compression::None)
    }

    /// No more is wanted than was received by now: the items end soon.
    pub fn stop(&self) {
        // Told once is enough, and who has ended need not be told.
        let _ = self.stop.try_send(());
    }
}

/// Reads and cuts `reader` in the background, decompressed within `window`. Whole lines are sent at the latest a `flush_interval` after
/// they came.
#[must_use]
pub fn spawn(reader: impl Read + Send + 'static, window: u64, options: ChunkOptions, flush_interval: Duration) -> Pipe {
    let (sender, items) = bounded(QUEUE);
    let (stop, stopped) = bounded(1);
    let (bytes_in, bytes_out) = bounded(PIPE_QUEUE);
    let compression = Arc::new(OnceLock::new());
    let found = Arc::clone(&compression);
    thread::spawn(move || match decompress::wrap(reader, window) {
        Ok(opened) => {
            let _ = found.set(opened.compression);
            pump(opened.reader, &bytes_in);
        }
        Err(error) => drop(bytes_in.send(Err(error))),
    });
    thread::spawn(move || {
        // A sender that goes is no reason to stop.
        Cutter { splitter: Splitter::new(options), deadline: None, interval: flush_interval, sender }.run(&bytes_out, stopped)
    });
    Pipe { items, compression, stop }
}

/// Someone who does not listen any more ends the work.
struct Gone;

fn send(sender: &Sender<io::Result<Item>>, item: io::Result<Item>) -> Result<(), Gone> {
    sender.send(item).map_err(|_| Gone)
}

fn pump(mut reader: impl Read, sender: &Sender<io::Result<Vec<u8>>>) {
    let mut buffer = vec![0; PIPE_STEP];
    loop {
        let bytes = match reader.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => Ok(buffer[..length].to_vec()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let over = bytes.is_err();
        if sender.send(bytes).is_err() || over {
            return;
        }
    }
}

/// What the cutting thread holds.
struct Cutter {
    splitter: Splitter,
    /// When the lines at hand have waited long enough.
    deadline: Option<Instant>,
    interval: Duration,
    sender: Sender<io::Result<Item>>,
}

impl Cutter {
    /// Cuts until the bytes end, nobody listens any more, or it is stopped.
    fn run(mut self, bytes: &Receiver<io::Result<Vec<u8>>>, mut stopped: Receiver<()>) {
        let mut error = None;
        loop {
            let received = select! {
                recv(bytes) -> bytes => bytes.map_err(|_| RecvTimeoutError::Disconnected),
                recv(stopped) -> told => {
                    if told.is_ok() {
                        error = match self.rest(bytes) {
                            Ok(error) => error,
                            Err(Gone) => return,
                        };
                        break;
                    }
                    stopped = never();
                    continue;
                }
                default(self.patience()) => Err(RecvTimeoutError::Timeout),
            };
            let taken = match received {
                Ok(Ok(bytes)) => self.take(&bytes),
                Ok(Err(failed)) => {
                    error = Some(failed);
                    break;
                }
                Err(RecvTimeoutError::Timeout) => self.send_whole_lines(),
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if taken.is_err() {
                return;
            }
        }
        self.splitter.end();
        if self.send_ready().is_ok()
            && let Some(error) = error
        {
            let _ = send(&self.sender, Err(error));
        }
    }

    fn patience(&self) -> Duration {
        self.deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()))
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        self.splitter.push(bytes);
        self.send_ready()?;
        if self.deadline.is_none() && self.splitter.has_whole_line() {
            self.deadline = Instant::now().checked_add(self.interval);
        }
        Ok(())
    }

    fn send_ready(&mut self) -> Result<(), Gone> {
        while let Some(item) = self.splitter.next() {
            self.deadline = None;
            send(&self.sender, Ok(item))?;
        }
        Ok(())
    }

    fn send_whole_lines(&mut self) -> Result<(), Gone> {
        self.deadline = None;
        self.splitter.cut().map_or(Ok(()), |item| send(&self.sender, Ok(item)))
    }

    /// Takes what was received before the stop; the error it ends with, if any.
    fn rest(&mut self, bytes: &Receiver<io::Result<Vec<u8>>>) -> Result<Option<io::Error>, Gone> {
        for _ in 0..LAST_READS {
            match bytes.recv_timeout(SILENCE) {
                Ok(Ok(bytes)) => self.take(&bytes)?,
                Ok(Err(error)) => return Ok(Some(error)),
                Err(_) => break,
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::super::lines::LineReader;
    use super::super::lines::tests::records;
    use super::*;

    /// A pipe whose other end the test holds.
    struct Held(Receiver<Vec<u8>>, Vec<u8>);

    impl Held {
        fn new(pipe: Receiver<Vec<u8>>) -> Held {
            Held(pipe, Vec::new())
        }
    }

    impl Read for Held {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            while self.1.is_empty() {
                match self.0.recv() {
                    Ok(bytes) => self.1 = bytes,
                    Err(_) => return Ok(0),
                }
            }
            let length = buffer.len().min(self.1.len());
            buffer[..length].copy_from_slice(&self.1[..length]);
            self.1.drain(..length);
            Ok(length)
        }
    }

    /// Long enough for any machine; only a test that fails waits for it.
    const PATIENCE: Duration = Duration::from_secs(20);

    const HOUR: Duration = Duration::from_secs(3600);

    fn spawn(reader: impl Read + Send + 'static, options: ChunkOptions, interval: Duration) -> Pipe {
        super::spawn(reader, decompress::DEFAULT_WINDOW, options, interval)
    }

    #[test]
    fn whole_lines_of_a_pausing_pipe_come_before_its_end_and_the_open_line_waits() {
        let (writer, pipe) = bounded(1);
        let items = spawn(Held::new(pipe), ChunkOptions::default(), Duration::ZERO).items;
        writer.send(b"{\"a\":1}\n{\"b".to_vec()).unwrap();
        let first = items.recv_timeout(PATIENCE).unwrap().unwrap();
        assert_eq!(records([first]), [b"{\"a\":1}"]);
        writer.send(b"\":2}\n".to_vec()).unwrap();
        let Item::Chunk(second) = items.recv_timeout(PATIENCE).unwrap().unwrap() else { panic!("a chunk") };
        assert_eq!((second.stream_offset, &second.data[..]), (8, &b"{\"b\":2}\n"[..]));
        drop(writer);
        assert!(items.recv_timeout(PATIENCE).is_err());
    }

    #[test]
    fn without_pauses_the_chunks_are_those_of_a_plain_reader() {
        let text: Vec<u8> = (0..5000u32).flat_map(|i| format!("line {i}\n").into_bytes()).collect();
        let options = ChunkOptions { chunk_bytes: 1000, ..ChunkOptions::default() };
        let expected: Vec<Item> = LineReader::new(&text[..], options).map(Result::unwrap).collect();
        let got: Vec<Item> = spawn(io::Cursor::new(text), options, HOUR).items.iter().map(Result::unwrap).collect();
        assert!(got == expected);
    }

    #[test]
    fn what_was_received_before_a_stop_still_comes_with_its_open_line_although_the_pipe_stays_open() {
        let (writer, pipe) = bounded(1);
        let pipe = spawn(Held::new(pipe), ChunkOptions::default(), HOUR);
        writer.send(b"{\"a\":1}\n{\"b".to_vec()).unwrap();
        pipe.stop();
        let items: Vec<Item> = pipe.items.iter().map(Result::unwrap).collect();
        assert_eq!(records(items), [&b"{\"a\":1}"[..], b"{\"b"]);
        drop(writer);
    }

    #[test]
    fn a_pipe_that_gave_nothing_can_be_stopped_and_an_endless_one_too() {
        let (writer, silent) = bounded(1);
        let pipe = spawn(Held::new(silent), ChunkOptions::default(), HOUR);
        pipe.stop();
        assert!(pipe.items.recv_timeout(PATIENCE).is_err_and(|error| error == RecvTimeoutError::Disconnected));
        drop(writer);
        let pipe = spawn(io::repeat(b'\n'), ChunkOptions::default(), HOUR);
        pipe.items.recv_timeout(PATIENCE).unwrap().unwrap();
        pipe.stop();
        let rest = pipe.items.iter().count();
        assert!(rest < 100, "{rest} more items");
    }

    #[test]
    fn a_compressed_pipe_comes_as_its_stream() {
        let zipped = zstd::bulk::compress(b"{\"a\":1}\n", 1).unwrap();
        let pipe = spawn(io::Cursor::new(zipped), ChunkOptions::default(), HOUR);
        assert_eq!(records([pipe.items.recv_timeout(PATIENCE).unwrap().unwrap()]), [b"{\"a\":1}"]);
        assert_eq!(pipe.compression(), Compression::Zstd);
    }

    #[test]
    fn an_error_comes_last() {
        struct Torn(bool);
        impl Read for Torn {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                if std::mem::replace(&mut self.0, true) {
                    return Err(io::Error::other("torn"));
                }
                buffer[..1].copy_from_slice(b"a");
                Ok(1)
            }
        }
        let mut items: Vec<_> = spawn(Torn(false), ChunkOptions::default(), HOUR).items.iter().collect();
        assert_eq!(items.pop().unwrap().unwrap_err().to_string(), "torn");
        assert_eq!(records(items.into_iter().map(Result::unwrap)), [b"a"]);
    }
}
