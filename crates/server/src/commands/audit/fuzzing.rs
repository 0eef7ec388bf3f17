//! What the fuzzer asks of the reader of exported audit logs; see [`crate::fuzzing`].

use doorward_domain::audit::AuditSigner;
use doorward_domain::audit::checker::{Checker, Extent};
use doorward_domain::tokens::MasterKey;
use doorward_domain::values::Secret;
use serde_json::Value;

use super::lines::{self, Line};

/// L-01: a line that is taken says the same when it is written again, and no log of a stranger's making
/// holds before a key of ours.
pub fn audit_lines(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let master = MasterKey::from_secret(Secret::new(vec![7; 32])).expect("32 bytes are a key");
    let key = AuditSigner::of(&master).public_key();
    let mut checker = Checker::new(vec![key], Extent::Whole, &[]);
    let (mut erasures, mut records, mut last) = (Vec::new(), Vec::new(), None);
    for line in text.lines() {
        match lines::read(line) {
            None => return,
            Some(Line::Head(head)) => {
                let again = lines::read(&written(&lines::of_head(&head, &key)));
                assert!(matches!(again, Some(Line::Head(again)) if again == head));
                assert!(!key.signed_export(&head), "nobody signed {text}");
            }
            Some(Line::Erasure(erasure)) => {
                let again = lines::read(&written(&lines::of_erasure(&erasure)));
                assert!(matches!(again, Some(Line::Erasure(again)) if again == erasure));
                erasures.push(erasure);
            }
            Some(Line::Seal(seal)) => {
                let again = lines::read(&written(&lines::of_seal(&seal)));
                assert!(matches!(again, Some(Line::Seal(again)) if again == seal));
                last = Some(seal);
            }
            Some(Line::Event(record)) => {
                let again = lines::read(&written(&lines::of_record(&record)));
                assert!(matches!(again, Some(Line::Event(again)) if again == record));
                records.push(*record);
            }
        }
    }
    if let Some(seal) = last {
        let mut findings = checker.check(&seal, &records, &erasures);
        findings.extend(checker.finish());
        assert!(!findings.is_empty(), "nobody signed {text}");
        for finding in findings {
            assert!(!finding.word().is_empty() && !finding.to_string().is_empty());
        }
    }
}

fn written(value: &Value) -> String {
    let text = value.to_string();
    assert!(!text.contains('\n'), "one line");
    text
}
