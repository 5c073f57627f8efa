"""What faults use to change requests and answers: masks, archives, prompts."""
