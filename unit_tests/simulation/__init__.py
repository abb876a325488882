"""The real loop against a simulated Maileon: random syncs compared with their sequence, one by one.

A scenario follows from one whole number. It is run twice: through the connector's own rooms
(`destination_maileon.sync.assemble`) with simulated time, calls that overtake each other and
faults; and record by record, in order, each in a call of its own, which is what the contract
promises. Account, outcome of every record and STATEs must then be the same.

Most scenarios are small. What is rare comes in `widen`, addresses that move in `moves`; a few hold
thousands of records. A sync that was cut off starts again (`resuming`); a dry run must foresee what
no account could take.

Of a circle of contacts, linked by identifiers, in which one by one nobody is refused for another's
identifier (codes 4, 5), account and outcomes are the same. Where somebody is, he is held and tried
again: `final_rows` says how the contacts then end, `trial` that nobody is rejected before a whole
pass brought no acceptance, `server` that no older record takes effect after a newer one. What these
checks accept and see is shown on a small connector (`held_model`).

What may differ, and nothing else (`ambiguity` finds the circles where it can):

- A record is recognised by an identifier that a record which does not name it takes away from a
  contact, before or after: nothing in the input tells that the two concern one contact. So it is
  where contacts are named some by their Maileon id, some by their email.
- A value that is refused is replaced by a later record of the same contact (`ignore`: stands in a
  record that is not the contact's first): "a value that a later record replaces before it was sent
  is never judged".
- Who is held for long is tried, and rejected, while the input still goes on.
- The address that a held record waits for is given up by a record that stands behind it, through
  others with a common identifier, or one that looks alike: it may not overtake, so that the held
  one is rejected.
- A marker is refused by chance, and was to keep later records from the contact.
"""
