"""Named secrets: what a playbook may use by name (`${{ secrets.pager }}`), and nobody reads again once it is set."""
