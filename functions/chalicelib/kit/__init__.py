"""What every area may use and no area owns: database, jobs, http, settings, logging, embeddings, storage."""
