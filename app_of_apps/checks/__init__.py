"""What is wrong with a release before anybody deploys it. Pure, but for `online`, which asks and never writes."""
