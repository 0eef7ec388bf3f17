//! Operations on items, and their expressions.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Delete, TransactWriteItem, Update};
use doorward_domain::store::{Condition, Test, Value};

use crate::client::{Connection, Fault, answer};
use crate::item::{Item, attribute, key_of, size};
use crate::layout::{PARTITION, Place};

/// An operation on one item, if its conditions hold.
pub(crate) struct Operation {
    place: Place,
    action: Action,
    when: Vec<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
    size: usize,
}

enum Action {
    /// Sets attributes, or removes them: placeholders of the name and the value. Inserts the item if it does not exist.
    Write(Vec<(String, Option<String>)>),
    Delete,
    Check,
}

/// Sets the condition, the names and the values of a request or of a part of a transaction.
macro_rules! with_expressions {
    ($operation:ident, $request:expr) => {
        $request
            .set_key(Some(key_of(&$operation.place)))
            .set_condition_expression(filled(&$operation.when).map(|when| when.join(" AND ")))
            .set_expression_attribute_names(filled(&$operation.names))
            .set_expression_attribute_values(filled(&$operation.values))
    };
}

impl Operation {
    pub(crate) fn write(place: Place) -> Self {
        Self::new(place, Action::Write(Vec::new()))
    }

    pub(crate) fn delete(place: Place) -> Self {
        Self::new(place, Action::Delete)
    }

    pub(crate) fn check(place: Place) -> Self {
        Self::new(place, Action::Check)
    }

    fn new(place: Place, action: Action) -> Self {
        Self {
            place,
            action,
            when: Vec::new(),
            names: HashMap::new(),
            values: HashMap::new(),
            size: 0,
        }
    }

    /// Its item.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// The bytes that it writes.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Sets an attribute, or removes it.
    pub(crate) fn set(&mut self, name: &str, value: Option<AttributeValue>) {
        self.size += value.as_ref().map_or(0, |value| size(name, value));
        let assigned = (self.name(name), value.map(|value| self.value(value)));
        if let Action::Write(all) = &mut self.action {
            all.push(assigned);
        }
    }

    /// `true` if it would change this item.
    pub(crate) fn changes(&self, item: &Item) -> bool {
        let Action::Write(assigned) = &self.action else {
            return false;
        };
        assigned.iter().any(|(name, value)| {
            let value = value.as_ref().and_then(|value| self.values.get(value));
            item.get(&self.names[name]) != value
        })
    }

    /// Only if the item exists.
    pub(crate) fn if_exists(mut self) -> Self {
        let name = self.name(PARTITION);
        self.when.push(format!("attribute_exists({name})"));
        self
    }

    /// Only if the item does not exist.
    pub(crate) fn if_missing(self) -> Self {
        self.if_equal(PARTITION, None)
    }

    /// Only if an attribute has this value; `None`: if it does not exist.
    pub(crate) fn if_equal(mut self, name: &str, value: Option<AttributeValue>) -> Self {
        let name = self.name(name);
        let condition = match value {
            None => format!("attribute_not_exists({name})"),
            Some(value) => format!("{name} = {}", self.value(value)),
        };
        self.when.push(condition);
        self
    }

    /// Only if columns fulfil these conditions.
    pub(crate) fn only_if(self, conditions: &[Condition]) -> Self {
        conditions.iter().fold(self, Self::if_fulfilled)
    }

    /// A comparison with an attribute that does not exist is false.
    fn if_fulfilled(mut self, condition: &Condition) -> Self {
        let (sign, values): (_, &[Value]) = match &condition.test {
            Test::Is(value) => return self.if_equal(condition.column, attribute(value)),
            Test::AtMost(value) => ("<=", std::slice::from_ref(value)),
            Test::Above(value) => (">", std::slice::from_ref(value)),
            Test::OneOf(values) => ("IN", values),
        };
        let values = values.iter().filter_map(attribute);
        let values: Vec<_> = values.map(|value| self.value(value)).collect();
        if values.is_empty() {
            // Nothing fulfils it.
            return self.if_exists().if_missing();
        }
        let name = self.name(condition.column);
        let values = values.join(", ");
        self.when.push(match sign {
            "IN" => format!("{name} IN ({values})"),
            _ => format!("{name} {sign} {values}"),
        });
        self
    }

    fn name(&mut self, attribute: &str) -> String {
        let placeholder = format!("#{}", self.names.len());
        self.names.insert(placeholder.clone(), attribute.to_owned());
        placeholder
    }

    fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    /// Sends it on its own: a write or a deletion.
    pub(crate) async fn send(&self, connection: &Connection) -> Result<(), Fault> {
        let (client, table) = (&connection.client, &connection.table);
        match &self.action {
            Action::Write(assigned) => {
                let request = client.update_item().table_name(table);
                let request = request.update_expression(update_expression(assigned));
                let request = with_expressions!(self, request);
                answer(request.send()).await.map(drop)
            }
            _ => {
                let request = client.delete_item().table_name(table);
                let request = with_expressions!(self, request);
                answer(request.send()).await.map(drop)
            }
        }
    }

    /// As a part of a transaction.
    pub(crate) fn build(&self, table: &str) -> Result<TransactWriteItem, BuildError> {
        let item = TransactWriteItem::builder();
        let item = match &self.action {
            Action::Write(assigned) => {
                let update = Update::builder().table_name(table);
                let update = update.update_expression(update_expression(assigned));
                item.update(with_expressions!(self, update).build()?)
            }
            Action::Delete => {
                let delete = Delete::builder().table_name(table);
                item.delete(with_expressions!(self, delete).build()?)
            }
            Action::Check => {
                let check = ConditionCheck::builder().table_name(table);
                item.condition_check(with_expressions!(self, check).build()?)
            }
        };
        Ok(item.build())
    }
}

fn update_expression(assigned: &[(String, Option<String>)]) -> String {
    let set = assigned
        .iter()
        .filter_map(|(name, value)| Some(format!("{name} = {}", value.as_ref()?)));
    let remove = assigned.iter().filter(|(_, value)| value.is_none());
    let (set, remove): (Vec<_>, Vec<_>) = (
        set.collect(),
        remove.map(|(name, _)| name.clone()).collect(),
    );
    let parts = [("SET", set), ("REMOVE", remove)];
    let parts = parts.iter().filter(|(_, parts)| !parts.is_empty());
    let parts = parts.map(|(word, parts)| format!("{word} {}", parts.join(", ")));
    parts.collect::<Vec<_>>().join(" ")
}

/// DynamoDB refuses expressions, names and values that are empty.
fn filled<T: Clone>(all: &T) -> Option<T>
where
    for<'a> &'a T: IntoIterator,
{
    all.into_iter().next().is_some().then(|| all.clone())
}
