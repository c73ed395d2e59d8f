//! Connections come and go for a given time; what they leave behind is measured.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hybi::deflate::Direction as DeflateDirection;
use hybi::handshake::Accept;
use hybi::tokio::AnyStream;
use hybi::{Compression, Config};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::end::{End, Plan};
use crate::process::{descriptors, mean, memory, slope};
use crate::tally::{Record, Tally};
use crate::traffic::{Direction, Random};
use crate::{Options, Result};

/// How long the connections may take to close when the time is up.
const FAREWELL: Duration = Duration::from_secs(60);

/// Memory is held to the tolerance if it was watched for so long after the warm-up: for minutes, what the allocator keeps
/// wanders by megabytes with the large messages that happen to be under way together.
const LONG_ENOUGH: Duration = Duration::from_secs(20 * 60);

/// For minutes, it is held to so many times as much: what leaks with each message or connection comes to more.
const COARSE: f64 = 100.0;

/// What is watched for less than this is not judged.
const WORTH_A_LOOK: Duration = Duration::from_secs(100);

/// Into how many stretches that time is divided; each counts as one sample, so that their noise is independent.
const STRETCHES: usize = 12;

/// Runs the soak; the exit code tells whether all was as it should be.
pub(crate) async fn run(options: &Options) -> Result<ExitCode> {
    let descriptors_before = descriptors()?;
    let tally = Arc::new(Tally::default());
    let (end, over) = watch::channel(false);
    let plan = Plan { seed: options.seed, pace: options.pace, resets: options.resets, over };
    println!(
        "{} connections for {} s, seed {}, a burst each {} ms a connection and end, {} resets in 1000 messages",
        options.connections,
        options.time.as_secs(),
        options.seed,
        options.pace.as_millis(),
        options.resets,
    );

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let host = Arc::new(Host {
        addr: listener.local_addr()?,
        tally: tally.clone(),
        plan,
        profiles: profiles(),
        expected: Mutex::default(),
        number: AtomicU64::new(0),
    });
    let (no_more_clients, done) = oneshot::channel();
    let server = tokio::spawn(host.clone().serve(listener, done));
    let mut clients = JoinSet::new();
    for _ in 0..options.connections {
        clients.spawn(host.clone().keep_connecting());
    }

    let samples = watch_memory(options).await?;
    end.send_replace(true);
    let all = async {
        while let Some(ended) = clients.join_next().await {
            ended??;
        }
        // Only now: a client may have looked at the clock just before the time was up.
        let _ = no_more_clients.send(());
        server.await?
    };
    let in_time = timeout(FAREWELL, all).await;
    in_time.map_err(|_| "connections did not end when the time was up")??;
    drop(host);

    tally.print();
    let descriptors_after = descriptors()?;
    println!(
        "descriptors         {descriptors_before} at the start, {descriptors_after} at the end"
    );
    let grows = judge_memory(&samples, options);
    let leaks = descriptors_after != descriptors_before;
    let idle = tally.received.load(Relaxed) == 0;
    let good = tally.faults() == 0 && !leaks && !grows && !idle;
    println!("{}", if good { "passed" } else { "FAILED" });
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Resident memory over time, in seconds and KiB, until the time is up.
async fn watch_memory(options: &Options) -> Result<Vec<(f64, f64)>> {
    let start = Instant::now();
    let mut samples = Vec::new();
    let mut ticks = interval(options.every.min(options.time));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while start.elapsed() < options.time {
        ticks.tick().await;
        let (at, memory) = (start.elapsed().as_secs_f64(), memory("self")?);
        println!(
            "{at:7.1} s: {:8} KiB resident, {:8} anonymous",
            memory.resident, memory.anonymous
        );
        samples.push((at, memory.resident as f64));
    }
    Ok(samples)
}

/// Whether memory grows after the warm-up, the first third: beyond the tolerance by more than twice the standard
/// error, for messages of 1 MiB come at random.
fn judge_memory(samples: &[(f64, f64)], options: &Options) -> bool {
    let warm = options.time.as_secs_f64() / 3.0;
    let late: Vec<_> = samples.iter().copied().filter(|(at, _)| *at >= warm).collect();
    let stretches = late.chunks(late.len().div_ceil(STRETCHES).max(1));
    let means: Vec<_> = stretches.map(mean).collect();
    let (growth, error) = slope(&means);
    let (growth, error) = (growth * 60.0, error * 60.0);
    let watched = options.time.mul_f64(2.0 / 3.0);
    let judged = watched >= WORTH_A_LOOK;
    let tolerance = options.growth * if watched >= LONG_ENOUGH { 1.0 } else { COARSE };
    let grows = growth - 2.0 * error > tolerance;
    let verdict = match (judged, grows) {
        (true, false) => "within",
        (true, true) => "OVER",
        (false, _) => "the run is too short to hold it to",
    };
    println!(
        "resident memory     {growth:+.0} KiB a minute after {warm:.0} s, standard error {error:.0} \
         ({} samples in {} stretches): {verdict} the tolerance of {:.0}",
        late.len(),
        means.len(),
        tolerance,
    );
    judged && grows
}

/// Who serves and connects.
#[derive(Debug)]
struct Host {
    addr: SocketAddr,
    tally: Arc<Tally>,
    plan: Plan,
    profiles: [Arc<Config>; 3],
    /// Connections that the server has not seen yet.
    expected: Mutex<HashMap<u64, Arc<Record>>>,
    number: AtomicU64,
}

impl Host {
    /// Opens a connection after the other until the time is up.
    async fn keep_connecting(self: Arc<Self>) -> Result<()> {
        while !*self.plan.over.borrow() {
            let number = self.number.fetch_add(1, Relaxed);
            let record = Arc::new(Record::new(self.tally.clone(), number));
            self.expected().insert(number, record.clone());
            let url = format!("ws://{}/{number}", self.addr);
            match hybi::tokio::connect_with(&*url, self.profile(number)).await {
                Ok(ws) => {
                    Tally::add(&self.tally.connections, 1);
                    End::new(Direction::ToServer, record, self.plan.clone()).run(ws).await;
                }
                // The server may have reset it before its answer came.
                Err(error) => record.note_end("client", format!("handshake: {error}"), false),
            }
            self.expected().remove(&number);
        }
        Ok(())
    }

    /// Accepts connections until no client is left, then waits for those that are open.
    async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        mut done: oneshot::Receiver<()>,
    ) -> Result<()> {
        let mut ends = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    ends.spawn(self.clone().answer(accepted?.0));
                }
                Some(ended) = ends.join_next() => ended??,
                _ = &mut done => break,
            }
        }
        while let Some(ended) = ends.join_next().await {
            ended??;
        }
        Ok(())
    }

    async fn answer(self: Arc<Self>, stream: TcpStream) -> Result<()> {
        stream.set_nodelay(true)?;
        let stream = AnyStream::from(stream);
        let incoming = hybi::tokio::receive_request(stream, Default::default()).await?;
        let number = incoming.path().trim_start_matches('/').parse()?;
        let record = self.expected().remove(&number).ok_or("a connection came twice")?;
        match incoming.accept(&Accept::new(), self.profile(number)).await {
            Ok(ws) => End::new(Direction::ToClient, record, self.plan.clone()).run(ws).await,
            Err(error) => record.note_end("server", format!("handshake: {error}"), false),
        }
        Ok(())
    }

    /// What both ends of a connection are set to.
    fn profile(&self, number: u64) -> Arc<Config> {
        let chosen = Random::new(self.plan.seed.rotate_left(32) ^ number).below(3);
        self.profiles[chosen as usize].clone()
    }

    fn expected(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Record>>> {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Without compression, with it, and with context takeover.
fn profiles() -> [Arc<Config>; 3] {
    let config = |compression| {
        let mut config = Config::default();
        config.compression = compression;
        // The machine may be busy: no timeout is what is looked for here.
        config.close_timeout = Duration::from_secs(40);
        Arc::new(config)
    };
    let mut takeover = Compression::default();
    takeover.send = DeflateDirection { context_takeover: true, window_bits: 15 };
    takeover.receive = takeover.send;
    [config(None), config(Some(Compression::default())), config(Some(takeover))]
}
