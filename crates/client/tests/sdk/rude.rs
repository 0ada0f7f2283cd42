//! Servers that misbehave: each answers its connections from a script, and remembers what it was asked.

use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub struct Rude {
    pub url: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Rude {
    /// Answers the first request with the first answer, and so on; the last one is given for ever.
    pub async fn answering(answers: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let answers: Vec<String> = answers.iter().map(|answer| answer.replace("$URL", &url)).collect();
        let notes = Arc::clone(&heard);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let turn = notes.lock().unwrap().len();
                let answer = answers.get(turn).or(answers.last()).unwrap();
                let request = talk(stream, answer).await;
                notes.lock().unwrap().push(request);
            }
        });
        Self { url, heard }
    }

    /// The first lines of what was asked, each with its body.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

async fn talk(mut stream: TcpStream, answer: &str) -> String {
    let mut request = Vec::new();
    let mut part = [0; 4096];
    while !is_whole(&request) {
        match stream.read(&mut part).await.unwrap() {
            0 => break,
            read => request.extend_from_slice(&part[..read]),
        }
    }
    stream.write_all(answer.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    String::from_utf8(request).unwrap()
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.is_none_or(|length| body.len() >= length.parse::<usize>().unwrap())
}

/// An answer with this status line, type and body.
pub fn answer(status: &str, kind: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n{body}")
}

/// A sign-in by v3 that succeeds.
pub fn signed_in(id: &str) -> String {
    let body = format!(
        r#"{{"products":[{{"name":"Integration Cloud","baseApiUrl":"$URL/saas"}}],"userInfo":{{"sessionId":"{id}","orgId":"o"}}}}"#
    );
    answer("200 OK", "application/json", &body)
}
