"""The toolkit for programs that act by themselves: tools of the Model Context Protocol."""
