//! curl, with the requests of a browser or of a program.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

static NEXT: AtomicU32 = AtomicU32::new(0);

pub struct Client {
    origin: String,
    authority: PathBuf,
    /// Folder of its cookies and last response.
    files: PathBuf,
    standing: Vec<&'static str>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Client {
    pub fn new(origin: &str, authority: &Path, folder: &Path) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self {
            origin: origin.to_owned(),
            authority: authority.to_owned(),
            files: folder.join(format!("client-{number}")),
            standing: Vec::new(),
        }
    }

    /// Adds the fields with which a browser requests a page, or posts a form of the current page.
    pub fn browser(mut self) -> Self {
        self.standing.extend([
            "-H",
            "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "-H",
            "Sec-Fetch-Site: same-origin",
        ]);
        self
    }

    /// HTTP/1.1 instead of HTTP/2.
    pub fn by_http1(mut self) -> Self {
        self.standing.push("--http1.1");
        self
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.ask(path, &[])
    }

    /// Submits a form.
    #[track_caller]
    pub fn post(&self, path: &str, form: &str) -> Answer {
        self.ask(path, &["--data-raw", form])
    }

    #[track_caller]
    pub fn ask(&self, path: &str, arguments: &[&str]) -> Answer {
        let answer = self.try_ask(path, arguments);
        answer.unwrap_or_else(|error| panic!("{path} {arguments:?}: {error}"))
    }

    pub fn try_get(&self, path: &str) -> Option<Answer> {
        self.try_ask(path, &[]).ok()
    }

    /// Requests a path of the proxy, unchanged, or a whole URL.
    fn try_ask(&self, path: &str, arguments: &[&str]) -> Result<Answer, String> {
        let url = match path.starts_with('/') {
            true => format!("{}{path}", self.origin),
            false => path.to_owned(),
        };
        let (jar, head) = (self.file("jar"), self.file("head"));
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--globoff", "--path-as-is", "--max-time", "60"]);
        curl.arg("--cacert").arg(&self.authority);
        curl.arg("--cookie").arg(&jar).arg("--cookie-jar").arg(&jar);
        curl.arg("--dump-header").arg(&head);
        curl.args(&self.standing).args(arguments).arg(url);
        let output = curl.output().unwrap();
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let head = std::fs::read(&head).map_err(|error| error.to_string())?;
        let head = String::from_utf8_lossy(&head).into_owned();
        // `100 Continue` precedes it.
        let last = head.trim_end().rsplit("\r\n\r\n").next().unwrap();
        let status = last.split(' ').nth(1).and_then(|text| text.parse().ok());
        Ok(Answer {
            status: status.ok_or_else(|| format!("no status in {head:?}"))?,
            head: last.to_owned(),
            body: String::from_utf8_lossy(&output.stdout).into_owned(),
        })
    }

    fn file(&self, kind: &str) -> PathBuf {
        self.files.with_extension(kind)
    }

    /// The session's cookie, in the format of a `Cookie` field.
    pub fn cookie(&self) -> String {
        let jar = std::fs::read_to_string(self.file("jar")).unwrap();
        let line = jar
            .lines()
            .find(|line| line.contains("\t__Host-doorward\t"))
            .unwrap();
        format!("__Host-doorward={}", line.rsplit('\t').next().unwrap())
    }
}

impl Answer {
    pub fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// Returns `true` if a `Set-Cookie` deletes the cookie of the session.
    pub fn deletes_session_cookie(&self) -> bool {
        let mut lines = self.head.lines();
        lines.any(|line| line.contains("__Host-doorward=") && line.contains("Max-Age=0"))
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The lines that the site received. `None` if the site did not respond.
    pub fn seen(&self) -> Option<Vec<String>> {
        let (_, rest) = self.body.split_once("<pre>")?;
        let text = unescaped(rest.split_once("</pre>")?.0);
        Some(text.lines().map(str::to_owned).collect())
    }

    /// The request line that the site received.
    #[track_caller]
    pub fn request(&self) -> String {
        self.seen()
            .unwrap_or_else(|| panic!("not the site's: {self:?}"))[0]
            .clone()
    }

    /// The values of a field that the site received.
    pub fn passed(&self, name: &str) -> Vec<String> {
        let lines = self.seen().unwrap_or_default();
        let fields = lines.iter().filter_map(|line| line.split_once(": "));
        fields
            .filter(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.to_owned())
            .collect()
    }
}

/// Resolves the five characters that HTML escapes.
pub fn unescaped(text: &str) -> String {
    [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (written, meant)| {
        text.replace(written, meant)
    })
}
