//! What stands between a node and its database: it can delay, cut and swallow.

use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::time::timeout;

/// What happens to what comes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    Open,
    /// Every portion comes so much later.
    Slow(Duration),
    /// Nobody is let in, and who is in is thrown out.
    Cut,
    /// Everything is taken, and nothing comes out.
    Silent,
}

pub struct Proxy {
    pub url: String,
    line: watch::Sender<Line>,
}

impl Proxy {
    /// Stands before the database of a URL that names the folder of its socket.
    pub async fn before(url: &str) -> Self {
        let part =
            |name: &str| url.split(['?', '&']).find_map(|part| part.strip_prefix(name)).unwrap().to_owned();
        let socket = PathBuf::from(part("host=")).join(".s.PGSQL.5432");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("postgres://{}@{}/postgres", part("user="), listener.local_addr().unwrap());
        let (line, _) = watch::channel(Line::Open);
        let seen = line.subscribe();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(join(client, socket.clone(), seen.clone()));
            }
        });
        Self { url, line }
    }

    pub fn set(&self, line: Line) {
        self.line.send_replace(line);
    }
}

async fn join(client: TcpStream, socket: PathBuf, line: watch::Receiver<Line>) {
    if *line.borrow() == Line::Cut {
        return;
    }
    // A database that is gone is heard of as a line that ends.
    let Ok(database) = UnixStream::connect(socket).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_database, to_database) = database.into_split();
    let mut cut = line.clone();
    tokio::select! {
        () = pump(from_client, to_database, line.clone()) => {}
        () = pump(from_database, to_client, line) => {}
        _ = cut.wait_for(|line| *line == Line::Cut) => {}
    }
}

async fn pump(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut line: watch::Receiver<Line>,
) {
    let mut portion = vec![0; 16_384];
    while let Ok(count @ 1..) = from.read(&mut portion).await {
        let now = *line.borrow_and_update();
        match now {
            Line::Slow(late) => drop(timeout(late, std::future::pending::<()>()).await),
            Line::Silent => drop(line.wait_for(|line| *line != Line::Silent).await),
            Line::Open | Line::Cut => {}
        }
        if to.write_all(&portion[..count]).await.is_err() {
            return;
        }
    }
}
