//! The keys of the one table, derived from the declarations of the tables in the domain.
//!
//! | what | `_pk` | `_sk` |
//! | --- | --- | --- |
//! | a row | `users/2`: its table, and one of four shards | its key |
//! | a unique value | `users.email_key=ada@example.com` | one zero byte |
//!
//! Rows of a shard are ordered by key, so the table itself serves lists by key. A declared index is a global secondary
//! index with the number of its place in the declaration; tables share them. A row has an entry in it:
//!
//! | first column of the index | `_p0`, `_p1` … | `_s0`, `_s1` … |
//! | --- | --- | --- |
//! | an integer, which orders the rows | `jobs.due_at/2`: the index, and the shard of the row | its columns, and the key |
//! | any other, which is compared | `users.status=pending`: the index, and the value | the other columns, and the key |
//!
//! Bytes of a sort key order like the values. A row without a value in the first column has no entry, unless the table
//! declares that such rows are listed; nor has one with a value that the table declares as common. A list of the latter
//! reads the table.

use doorward_domain::store::{Kind, Query, Table, Value};
use doorward_domain::values::Digest;

/// The partition key of the table.
pub(crate) const PARTITION: &str = "_pk";
/// The sort key of the table.
pub(crate) const SORT: &str = "_sk";

/// Number of partitions of a list. One accepts 1000 writes a second.
const SHARDS: u8 = 4;
/// The maximum length of a sort key. The end of a longer one does not order its row.
const LONGEST: usize = 1024;
/// Longer than the rest of any sort key, whose texts do not contain this byte.
const HIGHEST: [u8; 33] = [0xff; 33];

/// The key of an item.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) partition: String,
    pub(crate) sort: Vec<u8>,
}

impl Place {
    /// The row with this key.
    pub(crate) fn of_row(table: &Table, key: &Value) -> Self {
        Self::of_sort_key(table, key_bytes(key))
    }

    /// The row with this sort key.
    pub(crate) fn of_sort_key(table: &Table, sort: Vec<u8>) -> Self {
        let partition = sharded(table.name, shard(&sort));
        Self { partition, sort }
    }

    /// The partitions with the rows of a table.
    pub(crate) fn partitions(table: &Table) -> Vec<String> {
        (0..SHARDS)
            .map(|number| sharded(table.name, number))
            .collect()
    }

    /// The item that a unique value belongs to.
    pub(crate) fn of_unique(table: &Table, column: &str, value: &Value) -> Self {
        Self {
            partition: format!("{}.{column}={}", table.name, text(value)),
            sort: vec![0],
        }
    }
}

/// A declared index.
#[derive(Clone, Copy)]
pub(crate) struct Index {
    table: &'static Table,
    /// Its place in the declaration.
    pub(crate) slot: usize,
    pub(crate) columns: &'static [&'static str],
}

impl Index {
    /// The indexes of a table in which its rows have entries.
    pub(crate) fn all(table: &'static Table) -> impl Iterator<Item = Self> {
        let indexes = table.indexes.iter().enumerate();
        let indexes = indexes.map(move |(slot, columns)| Self {
            table,
            slot,
            columns,
        });
        let unused = table.owner.filter(|_| table.deleted_with_owner);
        indexes.filter(move |index| unused.is_none_or(|owner| index.columns != [owner]))
    }

    /// The name of the global secondary index.
    pub(crate) fn name(slot: usize) -> String {
        format!("index-{slot}")
    }

    /// The names of its keys.
    pub(crate) fn keys(slot: usize) -> [String; 2] {
        [format!("_p{slot}"), format!("_s{slot}")]
    }

    /// The entry of a row with these values; `None` if it has none.
    pub(crate) fn entry<'v>(
        &self,
        key: &Value,
        value: impl Fn(&'static str) -> &'v Value,
    ) -> Option<(String, Vec<u8>)> {
        let first = value(self.columns[0]);
        let is_unlisted = *first == Value::Null && !self.table.null_listed.contains(&self.columns);
        if is_unlisted || self.is_common(first) {
            return None;
        }
        let key = key_bytes(key);
        let partition = match self.is_ordered() {
            true => sharded(&self.path(), shard(&key)),
            false => self.of_value(first),
        };
        let columns = &self.columns[self.compared()..];
        let mut sort: Vec<u8> = columns.iter().flat_map(|name| part(value(name))).collect();
        sort.extend(key);
        sort.truncate(LONGEST);
        Some((partition, sort))
    }

    /// `true` if the first column orders the rows.
    fn is_ordered(&self) -> bool {
        self.table.columns[self.table.position(self.columns[0])].kind == Kind::Int
    }

    /// `true` if most rows have this value, and none of them an entry.
    fn is_common(&self, first: &Value) -> bool {
        let is_it = |(column, common): &(&str, &str)| {
            self.columns[0] == *column && *first == Value::from(*common)
        };
        self.table.common.iter().any(is_it)
    }

    /// Number of columns that are compared, and not part of the order.
    fn compared(&self) -> usize {
        usize::from(!self.is_ordered())
    }

    fn path(&self) -> String {
        format!("{}.{}", self.table.name, self.columns.join(","))
    }

    fn of_value(&self, first: &Value) -> String {
        format!("{}={}", self.path(), text(first))
    }
}

/// The items that a query reads: of these partitions, between the bounds.
pub(crate) struct Range {
    /// The index; `None` for the rows of the table.
    pub(crate) slot: Option<usize>,
    pub(crate) partitions: Vec<String>,
    pub(crate) bounds: Option<(Vec<u8>, Vec<u8>)>,
}

impl Range {
    /// Fails for an index whose first column is only compared, if the query has no value for it, and for one without entries.
    pub(crate) fn of(query: &Query) -> Result<Self, String> {
        let shards = |path: &str| (0..SHARDS).map(|number| sharded(path, number)).collect();
        let mut indexes = Index::all(query.table);
        let mut index = indexes.find(|index| index.columns == query.index);
        let (partitions, prefix): (_, &[Value]) = match (index, query.equal.split_first()) {
            (None, _) if !query.index.is_empty() => {
                let index = query.index.join(",");
                return Err(format!("{} has no entries by {index}", query.table));
            }
            (None, _) => (Place::partitions(query.table), &[]),
            (Some(common), Some((first, _))) if common.is_common(first) => {
                if common.columns.len() > 1 {
                    // The order of the table is another one.
                    return Err(format!("{} has no entries for this value", common.path()));
                }
                index = None;
                (Place::partitions(query.table), &[])
            }
            (Some(index), _) if index.is_ordered() => (shards(&index.path()), &query.equal),
            (Some(index), Some((first, rest))) => (vec![index.of_value(first)], rest),
            (Some(index), None) => return Err(format!("{} is not ordered", index.path())),
        };
        let prefix: Vec<u8> = prefix.iter().flat_map(part).collect();
        Ok(Self {
            slot: index.map(|index| index.slot),
            partitions,
            bounds: bounds(query, prefix),
        })
    }

    /// `true` if no item can be in it.
    pub(crate) fn is_empty(&self) -> bool {
        let bounds = self.bounds.as_ref();
        bounds.is_some_and(|(low, high)| low > high)
    }
}

/// The lowest and the highest sort key of a query; `None` for all.
fn bounds(query: &Query, prefix: Vec<u8>) -> Option<(Vec<u8>, Vec<u8>)> {
    let (above, at_most) = (query.above.as_ref(), query.at_most.as_ref());
    if above.is_none() && at_most.is_none() && prefix.is_empty() {
        return None;
    }
    let by_key = query.ordered_by() == query.table.key();
    let low = match (above, at_most) {
        (Some(above), _) if by_key => [key_bytes(above), vec![0]].concat(),
        (Some(above), _) => next(part(above)),
        // NULL is in no range.
        (None, Some(_)) if !by_key => vec![1],
        (None, _) => vec![],
    };
    let high = match at_most {
        Some(at_most) if by_key => key_bytes(at_most),
        Some(at_most) => [&part(at_most)[..], &HIGHEST].concat(),
        None => HIGHEST.to_vec(),
    };
    let mut low = [&prefix[..], &low].concat();
    if low.is_empty() {
        low.push(0);
    }
    Some((low, [prefix, high].concat()))
}

/// The lowest bytes above all that begin with these.
fn next(mut bytes: Vec<u8>) -> Vec<u8> {
    while bytes.last() == Some(&0xff) {
        bytes.pop();
    }
    if let Some(last) = bytes.last_mut() {
        *last += 1;
    }
    bytes
}

/// A column before others in a sort key. None begins another.
fn part(value: &Value) -> Vec<u8> {
    match value {
        Value::Null | Value::Unset => vec![0],
        Value::Text(text) => [&[1], text.as_bytes(), &[0]].concat(),
        other => [vec![1], key_bytes(other)].concat(),
    }
}

/// A key, or the last part of a sort key. A text has no zero byte, and a sort key is never empty.
pub(crate) fn key_bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::Null | Value::Unset => vec![0],
        Value::Text(text) if text.is_empty() => vec![0],
        Value::Text(text) => text.clone().into_bytes(),
        Value::Bytes(bytes) => bytes.clone(),
        Value::Int(number) => (number.cast_unsigned() ^ (1 << 63)).to_be_bytes().to_vec(),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null | Value::Unset => String::new(),
        Value::Text(text) => text.clone(),
        Value::Bytes(bytes) => hex::encode(bytes),
        Value::Int(number) => number.to_string(),
    }
}

fn shard(key: &[u8]) -> u8 {
    Digest::of(key).as_bytes()[0] % SHARDS
}

fn sharded(path: &str, number: u8) -> String {
    format!("{path}/{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes order like the values, also beside longer ones.
    #[test]
    fn parts_of_sort_keys_order_like_their_values() {
        let numbers = [i64::MIN, -1, 0, 1, 255, 256, i64::MAX].map(Value::Int);
        let texts = ["", "a", "a\u{1}", "aa", "b", "ä", "🦊", "🦊a"].map(Value::from);
        for values in [&numbers[..], &texts[..]] {
            assert!(values.is_sorted_by_key(key_bytes));
            assert!(values.is_sorted_by_key(part));
            for (one, other) in values.iter().zip(&values[1..]) {
                let followed = |value| [part(value), HIGHEST.to_vec()].concat();
                assert!(followed(one) < part(other), "{one:?}");
                assert!(next(part(one)) <= part(other));
                assert!(followed(one) < next(part(one)));
            }
        }
        assert!(part(&Value::Null) < part(&Value::Int(i64::MIN)));
    }
}
