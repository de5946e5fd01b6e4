# No provider block: this folder can be the root, or a module of a larger configuration. Credentials are the caller's
# (`gcloud auth application-default login`, or GOOGLE_* in a pipeline); every resource names its project itself.
terraform {
  required_version = ">= 1.11"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 8.0"
    }
  }
}
