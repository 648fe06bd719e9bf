//! Cuts a stream in the background, so that a reader that blocks never blocks the rest.
//!
//! A file needs one thread: it reads ahead as far as the queue allows. A pipe may pause in the middle of a chunk, so there a
//! second thread does nothing but read, and the cutting thread sends the lines at hand once they have waited for
//! `flush_interval`. Queues are bounded and block; nothing is dropped. When the receiver is gone the threads end, the one
//! that reads a pipe as soon as the pipe gives something.

use std::io::{self, Read};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::lines::{ChunkOptions, Item, LineReader, Splitter};

/// Items that may wait; with the default chunk that is 8 MiB (chosen: one being used, one ready).
const QUEUE: usize = 2;

/// Bytes asked of a pipe at once (Linux pipes hold 64 KiB).
const PIPE_STEP: usize = 64 << 10;

/// Reads from the pipe that may wait for the cutter (chosen: as much as one default chunk).
const PIPE_QUEUE: usize = 64;

/// Cuts `reader` in the background. With a `flush_interval`, whole lines are sent at the latest that long after they came.
/// The last item may be an error; what was read before it has come by then.
#[must_use]
pub fn spawn(
    reader: impl Read + Send + 'static,
    options: ChunkOptions,
    flush_interval: Option<Duration>,
) -> Receiver<io::Result<Item>> {
    let (sender, receiver) = bounded(QUEUE);
    match flush_interval {
        None => drop(thread::spawn(move || read_ahead(LineReader::new(reader, options), &sender))),
        Some(interval) => {
            let (bytes_in, bytes_out) = bounded(PIPE_QUEUE);
            thread::spawn(move || pump(reader, &bytes_in));
            thread::spawn(move || cut_in_time(&bytes_out, Splitter::new(options), interval, &sender));
        }
    }
    receiver
}

/// Someone who does not listen any more ends the work.
struct Gone;

fn send(sender: &Sender<io::Result<Item>>, item: io::Result<Item>) -> Result<(), Gone> {
    sender.send(item).map_err(|_| Gone)
}

fn read_ahead<R: Read>(reader: LineReader<R>, sender: &Sender<io::Result<Item>>) {
    for item in reader {
        if send(sender, item).is_err() {
            return;
        }
    }
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

fn cut_in_time(
    bytes: &Receiver<io::Result<Vec<u8>>>,
    mut splitter: Splitter,
    interval: Duration,
    sender: &Sender<io::Result<Item>>,
) {
    let mut deadline = None;
    let error = loop {
        match receive(bytes, deadline) {
            Ok(Ok(bytes)) => {
                splitter.push(&bytes);
                while let Some(item) = splitter.next() {
                    deadline = None;
                    if send(sender, Ok(item)).is_err() {
                        return;
                    }
                }
                if deadline.is_none() && splitter.has_whole_line() {
                    deadline = Instant::now().checked_add(interval);
                }
            }
            Ok(Err(error)) => break Some(error),
            Err(RecvTimeoutError::Timeout) => {
                deadline = None;
                if let Some(item) = splitter.cut()
                    && send(sender, Ok(item)).is_err()
                {
                    return;
                }
            }
            Err(RecvTimeoutError::Disconnected) => break None,
        }
    };
    splitter.end();
    while let Some(item) = splitter.next() {
        if send(sender, Ok(item)).is_err() {
            return;
        }
    }
    if let Some(error) = error {
        let _ = send(sender, Err(error));
    }
}

fn receive<T>(receiver: &Receiver<T>, deadline: Option<Instant>) -> Result<T, RecvTimeoutError> {
    match deadline {
        Some(deadline) => receiver.recv_deadline(deadline),
        None => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
    }
}

#[cfg(test)]
mod tests {
    use super::super::lines::tests::records;
    use super::*;

    /// A pipe whose other end the test holds.
    struct Held(Receiver<Vec<u8>>);

    impl Read for Held {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Ok(bytes) = self.0.recv() else {
                return Ok(0);
            };
            buffer[..bytes.len()].copy_from_slice(&bytes);
            Ok(bytes.len())
        }
    }

    /// Long enough for any machine; only a test that fails waits for it.
    const PATIENCE: Duration = Duration::from_secs(20);

    const AT_ONCE: Option<Duration> = Some(Duration::ZERO);

    #[test]
    fn whole_lines_of_a_pausing_pipe_come_before_its_end_and_the_open_line_waits() {
        let (writer, pipe) = bounded(1);
        let items = spawn(Held(pipe), ChunkOptions::default(), AT_ONCE);
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
    fn without_a_timer_the_chunks_are_those_of_a_plain_reader() {
        let text: Vec<u8> = (0..5000u32).flat_map(|i| format!("line {i}\n").into_bytes()).collect();
        let options = ChunkOptions { chunk_bytes: 1000, ..ChunkOptions::default() };
        let expected: Vec<Item> = LineReader::new(&text[..], options).map(Result::unwrap).collect();
        let got: Vec<Item> = spawn(io::Cursor::new(text), options, None).iter().map(Result::unwrap).collect();
        assert!(got == expected);
    }

    #[test]
    fn an_error_comes_last_with_or_without_a_timer() {
        struct Torn(bool);
        impl Read for Torn {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                if std::mem::replace(&mut self.0, true) {
                    return Err(io::Error::other("torn"));
                }
                buffer[..3].copy_from_slice(b"a\nb");
                Ok(3)
            }
        }
        for interval in [None, Some(Duration::from_secs(3600))] {
            let mut items: Vec<_> = spawn(Torn(false), ChunkOptions::default(), interval).iter().collect();
            assert_eq!(items.pop().unwrap().unwrap_err().to_string(), "torn");
            assert_eq!(records(items.into_iter().map(Result::unwrap)), [b"a", b"b"]);
        }
    }
}
