"""How well alarms, messages and repairs are managed: figures from the journal, held against ISA-18.2 and EEMUA 191."""
