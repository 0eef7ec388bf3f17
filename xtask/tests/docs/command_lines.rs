//! A parser of shell command lines, sufficient to find those of a program in a block.

/// The simple commands of a script, each as its words: quotes and escapes are resolved, variables are unchanged;
/// redirections, comments and here-documents are dropped.
pub fn commands(script: &str) -> Vec<Vec<String>> {
    let mut reader = Reader::default();
    let mut here: Option<String> = None;
    for line in script.replace("\\\n", " ").lines() {
        if let Some(end) = &here {
            if line.trim() == end {
                here = None;
            }
            continue;
        }
        reader.line(line);
        if let Some((_, end)) = line.split_once("<<") {
            let end = end.trim_start_matches('-').trim();
            let end = end.split_whitespace().next().unwrap_or_default();
            here = Some(end.trim_matches(['\'', '"']).to_owned());
        }
    }
    reader.commands.retain(|words| !words.is_empty());
    reader.commands
}

#[derive(Default)]
struct Reader {
    commands: Vec<Vec<String>>,
    words: Vec<String>,
    word: Option<String>,
    quote: Option<char>,
}

impl Reader {
    fn line(&mut self, line: &str) {
        let mut characters = line.chars().peekable();
        while let Some(character) = characters.next() {
            match (self.quote, character) {
                (Some('"'), '\\') | (None, '\\') => {
                    let next = characters.next();
                    self.word.get_or_insert_default().extend(next);
                }
                (Some(quote), _) if character == quote => self.quote = None,
                (Some(_), _) => self.word.get_or_insert_default().push(character),
                (None, '\'' | '"') => {
                    self.quote = Some(character);
                    self.word.get_or_insert_default();
                }
                (None, '#') if self.word.is_none() => break,
                (None, '|' | ';' | '&' | '(' | ')') => self.end_command(),
                (None, '<' | '>') => {
                    // `2>`: the number belongs to the redirection.
                    self.word.take_if(|word| word == "2");
                    self.end_word();
                    self.words.push(">".to_owned());
                }
                (None, _) if character.is_whitespace() => self.end_word(),
                (None, _) => self.word.get_or_insert_default().push(character),
            }
        }
        if self.quote.is_none() {
            self.end_command();
        }
    }

    fn end_word(&mut self) {
        self.words.extend(self.word.take());
    }

    fn end_command(&mut self) {
        self.end_word();
        let mut words = Vec::new();
        let mut is_target = false;
        for word in self.words.drain(..) {
            match word.as_str() {
                ">" => is_target = true,
                _ if is_target => is_target = false,
                _ => words.push(word),
            }
        }
        self.commands.push(words);
    }
}

/// A command without its own variable assignments.
pub fn without_variables(words: &[String]) -> &[String] {
    let is_variable = |word: &String| {
        word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        })
    };
    let first = words.iter().position(|word| !is_variable(word));
    &words[first.unwrap_or(words.len())..]
}

/// A command of a script, on one or more lines.
#[derive(Debug, PartialEq)]
pub struct ScriptCommand {
    /// First line, counted from 0.
    pub first: usize,
    pub last: usize,
    /// Number of bytes of its last line before the remark.
    pub end: usize,
    /// `true` if it consists of a remark only.
    pub is_empty: bool,
    /// The comment at its end.
    pub remark: Option<String>,
}

/// The commands with their remarks. A backslash, an open quote and `|` or `&&` at the end continue a command.
pub fn script_commands(script: &str) -> Vec<ScriptCommand> {
    let mut all = Vec::new();
    let mut quote = None;
    let mut begun = None;
    let mut here: Option<&str> = None;
    for (number, line) in script.lines().enumerate() {
        if let Some(end) = here {
            here.take_if(|_| line.trim() == end);
            continue;
        }
        let (code, remark) = apart(line, &mut quote);
        let code = code.trim_end();
        let first = *begun.get_or_insert(number);
        let goes_on = quote.is_some() || ["\\", "|", "&&"].iter().any(|end| code.ends_with(end));
        if goes_on && remark.is_none() {
            continue;
        }
        begun = None;
        all.push(ScriptCommand {
            first,
            last: number,
            end: code.len(),
            is_empty: first == number && code.trim().is_empty(),
            remark: remark.map(str::to_owned),
        });
        if let Some((_, end)) = code.replace("<<<", "").split_once("<<") {
            let at = line.rfind(end).unwrap_or_default();
            let end = line[at..].trim_start_matches('-').split_whitespace().next();
            here = end.map(|end| end.trim_matches(['\'', '"']));
        }
    }
    all
}

/// A line's code, and its comment.
fn apart<'a>(line: &'a str, quote: &mut Option<char>) -> (&'a str, Option<&'a str>) {
    let mut before = ' ';
    let mut characters = line.char_indices();
    while let Some((at, character)) = characters.next() {
        match (*quote, character) {
            (None | Some('"'), '\\') => {
                characters.next();
            }
            (Some(open), _) if open == character => *quote = None,
            (None, '\'' | '"') => *quote = Some(character),
            (None, '#') if before.is_whitespace() => {
                return (&line[..at], Some(line[at..].trim_start_matches('#').trim()));
            }
            _ => {}
        }
        before = character;
    }
    (line, None)
}
