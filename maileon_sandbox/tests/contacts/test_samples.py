"""The samples of Maileon docs, Synchronize Contacts, as they stand there."""

from __future__ import annotations

import pytest
from lxml import etree

from maileon_sandbox import Permission, Sandbox
from maileon_sandbox.tests.client import EVERY_PARAMETER, Client, contact, read_report

REQUEST = b"""
<contacts>
  <contact>
    <email>max.mustermann@xqueue.com</email>
    <external_id>external-id-1</external_id>
    <standard_fields>
      <field>
        <name>LASTNAME</name>
        <value>Mustermann</value>
      </field>
      <field>
        <name>FIRSTNAME</name>
        <value>Max</value>
      </field>
    </standard_fields>
    <custom_fields>
      <field>
        <name>COLOR</name>
        <value>BLUE</value>
      </field>
    </custom_fields>%s
  </contact>
  <contact>
    <email>erika.mustermann@xqueue.com</email>
    <external_id>external-id-2</external_id>
    <standard_fields>
      <field>
        <name>LASTNAME</name>
        <value>Mustermann</value>
      </field>
      <field>
        <name>FIRSTNAME</name>
        <value>Erika</value>
      </field>
    </standard_fields>
    <custom_fields>
      <field>
        <name>COLOR</name>
        <value>RED</value>
      </field>
    </custom_fields>%s
  </contact>
</contacts>
"""
PREFERENCES = b"""
    <preferences>
      <preference>
        <name>Shopware</name>
        <category>Development</category>
        <value>true</value>
        <source>test</source>
      </preference>
      <preference>
        <name>Magento</name>
        <category>Development</category>
        <value>false</value>
        <source>test</source>
      </preference>
    </preferences>"""
REPORT = b"""<report>
    <success>false</success>
    <count_contacts>3</count_contacts>
    <count_existing_contacts>0</count_existing_contacts>
    <count_new_contacts>0</count_new_contacts>
    <count_invalid_contacts>2</count_invalid_contacts>
    <count_unsubscribed_contacts>0</count_unsubscribed_contacts>
    <invalid_contacts>
        <contact>
            <email>max.mustermann.3@xqueue</email>
            <external_id nil="true"/>
            <error code="3">
                <error_field>max.mustermann.3@xqueue</error_field>
            </error>
        </contact>
        <contact>
            <email>max.mustermann.2@xqueue.com</email>
            <external_id nil="true"/>
            <error code="21">
                <error_field>test</error_field>
            </error>
        </contact>
    </invalid_contacts>
</report>"""


@pytest.mark.parametrize("preferences", [b"", PREFERENCES])
def test_the_sample_requests_store_what_they_say(
    sandbox: Sandbox, client: Client, preferences: bytes
) -> None:
    sandbox.account.add_custom_field("COLOR")
    sandbox.account.add_preference("Development", "Shopware")
    sandbox.account.add_preference("Development", "Magento")

    response = client.call(
        "POST",
        "/contacts",
        body=REQUEST % (preferences, preferences),
        permission="5",
        sync_mode="1",
    )

    assert response.status_code == 200
    report = read_report(response.content)
    assert (report.success, report.contacts, report.new, report.rejected) == (True, 2, 2, [])
    max_, erika = sandbox.account.contacts()
    assert max_.email == "max.mustermann@xqueue.com"
    assert max_.external_id == "external-id-1"
    assert max_.permission is Permission.DOUBLE_OPT_IN_PLUS
    assert max_.standard_fields == {"LASTNAME": "Mustermann", "FIRSTNAME": "Max"}
    assert max_.custom_fields == {"COLOR": "BLUE"}
    assert erika.standard_fields["FIRSTNAME"] == "Erika"
    expected = {
        ("Development", "Shopware"): ("true", "test"),
        ("Development", "Magento"): ("false", "test"),
    }
    assert erika.preferences == (expected if preferences else {})


def test_the_sample_report_comes_back_byte_for_byte(client: Client) -> None:
    # Three contacts, two invalid, none new or existing: the third must have been left out.
    response = client.post(
        contact(email="max.mustermann.3@xqueue"),
        contact(email="max.mustermann.2@xqueue.com", custom={"test": "x"}),
        contact(email="max.mustermann.1@xqueue.com"),
        **{**EVERY_PARAMETER, "update_only": "true"},
    )

    assert response.content == REPORT
    assert response.headers["Content-Type"].startswith("application/vnd.maileon.api+xml")


def test_a_contact_without_an_address_is_nil_in_the_report(client: Client) -> None:
    response = client.post(
        contact(external_id="x-1"), **{**EVERY_PARAMETER, "use_external_id": "true"}
    )

    (email,) = etree.fromstring(response.content).iterfind("invalid_contacts/contact/email")
    assert email.get("nil") == "true"
    assert email.text is None


def test_a_report_without_invalid_contacts_has_no_list_of_them(client: Client) -> None:
    response = client.post(contact(email="a@example.com"), **EVERY_PARAMETER)

    assert etree.fromstring(response.content).find("invalid_contacts") is None
    assert etree.fromstring(response.content).findtext("success") == "true"
