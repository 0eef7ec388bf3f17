//! `/metrics`, as parsed by Prometheus' Python client.

use std::collections::{BTreeMap, BTreeSet};

use doorward_testkit::process::piped;
use doorward_testkit::tools;
use serde_json::Value;

const PARSE: &str = "
import json, sys
from prometheus_client.parser import text_string_to_metric_families as parse
families = [
    {'name': f.name, 'type': f.type, 'help': f.documentation,
     'samples': [[s.name, s.labels, s.value] for s in f.samples]}
    for f in parse(sys.stdin.read())
]
print(json.dumps(families))
";

#[derive(Debug)]
pub(crate) struct Scrape {
    pub(crate) families: Vec<Family>,
    pub(crate) text: String,
}

/// A metric in the page's terms.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) help: String,
    samples: Vec<Sample>,
}

#[derive(Debug)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

impl Scrape {
    pub(crate) fn of(text: &str) -> Self {
        let output = piped(tools::tool("python").args(["-c", PARSE]), text);
        assert!(output.status.success(), "{output:?}");
        let families: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        Self {
            families: families.iter().map(Family::read).collect(),
            text: text.to_owned(),
        }
    }

    /// Sum of all series with this name and these labels; 0 if there is none.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.all(name, labels).iter().sum()
    }

    /// The only series with this name and these labels.
    #[track_caller]
    pub(crate) fn one(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let found = self.all(name, labels);
        assert_eq!(found.len(), 1, "{name} {labels:?} in {}", self.text);
        found[0]
    }

    pub(crate) fn all(&self, name: &str, labels: &[(&str, &str)]) -> Vec<f64> {
        let samples = self.families.iter().flat_map(|family| &family.samples);
        let wanted = |sample: &&Sample| {
            let has = |(label, value): &(&str, &str)| {
                sample.labels.get(*label).map(String::as_str) == Some(*value)
            };
            sample.name == name && labels.iter().all(has)
        };
        samples.filter(wanted).map(|sample| sample.value).collect()
    }

    pub(crate) fn series(&self) -> usize {
        self.families
            .iter()
            .map(|family| family.samples.len())
            .sum()
    }

    /// All names that a query may use, including the parts of a histogram.
    pub(crate) fn names(&self) -> BTreeSet<&str> {
        let samples = self.families.iter().flat_map(|family| &family.samples);
        samples.map(|sample| sample.name.as_str()).collect()
    }
}

impl Family {
    fn read(value: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let samples = value["samples"].as_array().unwrap().iter();
        let samples: Vec<_> = samples
            .map(|sample| Sample {
                name: text(&sample[0]),
                labels: serde_json::from_value(sample[1].clone()).unwrap(),
                value: sample[2].as_f64().unwrap_or(f64::INFINITY),
            })
            .collect();
        let (name, kind) = (text(&value["name"]), text(&value["type"]));
        // The parser removes the suffix of a counter's name.
        let suffix = if kind == "counter" { "_total" } else { "" };
        Self {
            name: format!("{name}{suffix}"),
            kind,
            help: text(&value["help"]),
            samples,
        }
    }

    pub(crate) fn labels(&self) -> BTreeSet<&str> {
        let labels = self.samples.iter().flat_map(|sample| sample.labels.keys());
        let labels = labels.map(String::as_str);
        labels.filter(|label| *label != "le").collect()
    }
}
