"""The real loop against a simulated Maileon: random syncs compared with their sequence, one by one.

A scenario follows from one whole number. It is run twice: through the connector's own rooms
(`destination_maileon.sync.assemble`) with simulated time, calls that overtake each other and
faults; and record by record, in order, each in a call of its own, which is what the contract
promises. Account, outcome of every record and STATEs must then be the same.

Most scenarios are small. What is rare comes in `widen`; a few hold thousands of records. A sync
that was cut off starts again (`resuming`); a dry run must foresee what no account could take.

What may differ, and nothing else (`ambiguity` finds the scenarios where it can; there everything
but the final account and the outcomes is still checked):

- A record asks for an identifier that another contact holds, and a *later* record that does not
  name this identifier frees it. One at a time the first is rejected. In the connector it may come
  when the identifier is free already: a call of different contacts may overtake, and a contact
  rejected as a duplicate is tried again, "and that answer counts".
- A record is recognised by an identifier that a record which does not name it takes away from a
  contact, before or after: nothing in the input tells that the two concern one contact.
- Contacts of one call are named some by their Maileon id, some by their email, and one of them is
  sent again: since something was rejected, or without a field that has vanished meanwhile.
- A value that is refused is replaced by a later record of the same contact (`ignore`: stands in a
  record that is not the contact's first): "a value that a later record replaces before it was sent
  is never judged".
"""
