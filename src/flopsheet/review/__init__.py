"""What comes back from review: edited workbooks as changes of the spec, differences, disagreements."""
