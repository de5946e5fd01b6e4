# No provider block, so that this folder works as a root configuration and as a module. The credentials are the caller's
# (`gcloud auth application-default login`, or GOOGLE_* in a pipeline). Every resource names its project.
terraform {
  required_version = ">= 1.11"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 8.0"
    }
  }
}
