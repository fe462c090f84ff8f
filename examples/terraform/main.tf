# A small configuration to begin with. The state is kept in a bucket of your own, with its own lock beside it.
terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
  backend "s3" {
    bucket       = "shop-terraform-state"
    key          = "shop/production.tfstate"
    region       = "eu-west-1"
    use_lockfile = true
  }
}

# Every name under `variables:` in lockstep.yaml is a variable here. They come as texts, and Terraform reads numbers and booleans
# from them.
variable "read_capacity" {
  type    = number
  default = 5
}

resource "aws_dynamodb_table" "orders" {
  name           = "shop-orders"
  hash_key       = "id"
  billing_mode   = "PROVISIONED"
  read_capacity  = var.read_capacity
  write_capacity = 5

  attribute {
    name = "id"
    type = "S"
  }
}

# What stacks and other infrastructure can take: `{ output: platform.orders_table }`.
output "orders_table" {
  value = aws_dynamodb_table.orders.name
}
