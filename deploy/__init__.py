"""What it takes to run the service elsewhere: an image, a chart, and the chart's manifests without Helm."""
