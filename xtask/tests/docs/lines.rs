//! Command lines, as far as it takes to find those of a program in a block of shell.

/// The simple commands of a script, each as its words: quotes and escapes resolved, variables left
/// as they are; redirections, comments and here-documents left out.
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

/// A command without the variables that are set for it alone.
pub fn without_variables(words: &[String]) -> &[String] {
    let is_variable = |word: &String| {
        word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        })
    };
    let first = words.iter().position(|word| !is_variable(word));
    &words[first.unwrap_or(words.len())..]
}

/// Trailing comment of a line, set off by two spaces: `curl …   # 401`.
pub fn remark(line: &str) -> Option<(&str, &str)> {
    let (command, remark) = line.rsplit_once("  # ")?;
    Some((command.trim_end(), remark.trim()))
}

#[test]
fn commands_are_taken_apart() {
    let script = "A='b c' doorward export - | X=1 doorward import - > out.txt 2>&1  # it's\n\
                  T=$(curl -s \"http://x\" -d 'a b') && \\\n  echo done\ncat <<'END'\ndoorward nonsense\nEND\ntrue\n";
    let commands = commands(script);
    let told: Vec<_> = commands.iter().map(|words| words.join("·")).collect();
    assert_eq!(
        told,
        [
            "A=b c·doorward·export·-",
            "X=1·doorward·import·-",
            "1",
            "T=$",
            "curl·-s·http://x·-d·a b",
            "echo·done",
            "cat",
            "true"
        ]
    );
    assert_eq!(without_variables(&commands[0])[0], "doorward");
}
