
export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[]

export type Database = {
  
  "public": {
          Tables: {
            "action_forms": {
                  Row: {
                    "answer_id": string | null,"answered_at": string | null,"answers": Json | null,"contact_id": string,"created_at": string,"expires_at": string,"fields": NonNullable<Json>,"id": string,"message_id": string,"organization_id": string,"status": string,"template_id": string | null,"ticket_id": string,"title": string
                  }
                  ComputedFields: never
                  Insert: {
                    "answer_id"?: string | null,"answered_at"?: string | null,"answers"?: Json | null,"contact_id": string,"created_at"?: string,"expires_at": string,"fields": NonNullable<Json>,"id"?: string,"message_id": string,"organization_id": string,"status"?: string,"template_id"?: string | null,"ticket_id": string,"title": string
                  }
                  Update: {
                    "answer_id"?: string | null,"answered_at"?: string | null,"answers"?: Json | null,"contact_id"?: string,"created_at"?: string,"expires_at"?: string,"fields"?: NonNullable<Json>,"id"?: string,"message_id"?: string,"organization_id"?: string,"status"?: string,"template_id"?: string | null,"ticket_id"?: string,"title"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "action_forms_organization_id_contact_id_fkey"
      columns: ["organization_id","contact_id"]
isOneToOne: false
      referencedRelation: "contacts"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "action_forms_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "action_forms_organization_id_message_id_fkey"
      columns: ["organization_id","message_id"]
isOneToOne: true
      referencedRelation: "messages"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "action_forms_organization_id_template_id_fkey"
      columns: ["organization_id","template_id"]
isOneToOne: false
      referencedRelation: "action_templates"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "action_forms_organization_id_ticket_id_fkey"
      columns: ["organization_id","ticket_id"]
isOneToOne: false
      referencedRelation: "tickets"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"action_templates": {
                  Row: {
                    "archived_at": string | null,"body": string,"created_at": string,"expires_after": string,"fields": NonNullable<Json>,"id": string,"name": string,"organization_id": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "archived_at"?: string | null,"body": string,"created_at"?: string,"expires_after"?: string,"fields": NonNullable<Json>,"id"?: string,"name": string,"organization_id": string,"updated_at"?: string
                  }
                  Update: {
                    "archived_at"?: string | null,"body"?: string,"created_at"?: string,"expires_after"?: string,"fields"?: NonNullable<Json>,"id"?: string,"name"?: string,"organization_id"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "action_templates_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"ai_executions": {
                  Row: {
                    "cost_usd": number,"created_at": string,"error": string | null,"id": string,"model": string,"ms": number,"organization_id": string,"purpose": string,"status": string,"ticket_id": string | null,"tokens_in": number,"tokens_out": number
                  }
                  ComputedFields: never
                  Insert: {
                    "cost_usd"?: number,"created_at"?: string,"error"?: string | null,"id"?: string,"model": string,"ms"?: number,"organization_id": string,"purpose": string,"status": string,"ticket_id"?: string | null,"tokens_in"?: number,"tokens_out"?: number
                  }
                  Update: {
                    "cost_usd"?: number,"created_at"?: string,"error"?: string | null,"id"?: string,"model"?: string,"ms"?: number,"organization_id"?: string,"purpose"?: string,"status"?: string,"ticket_id"?: string | null,"tokens_in"?: number,"tokens_out"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "ai_executions_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "ai_executions_organization_id_ticket_id_fkey"
      columns: ["organization_id","ticket_id"]
isOneToOne: false
      referencedRelation: "tickets"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"api_keys": {
                  Row: {
                    "created_at": string,"created_by": string | null,"expires_at": string | null,"id": string,"last_used_at": string | null,"name": string,"organization_id": string,"prefix": string,"revoked_at": string | null,"role": Database["public"]['Enums']["member_role"],"scopes": (string)[]
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"created_by"?: string | null,"expires_at"?: string | null,"id"?: string,"last_used_at"?: string | null,"name": string,"organization_id": string,"prefix": string,"revoked_at"?: string | null,"role"?: Database["public"]['Enums']["member_role"],"scopes": (string)[]
                  }
                  Update: {
                    "created_at"?: string,"created_by"?: string | null,"expires_at"?: string | null,"id"?: string,"last_used_at"?: string | null,"name"?: string,"organization_id"?: string,"prefix"?: string,"revoked_at"?: string | null,"role"?: Database["public"]['Enums']["member_role"],"scopes"?: (string)[]
                  }
                  Relationships: [
                    {
      foreignKeyName: "api_keys_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"article_categories": {
                  Row: {
                    "created_at": string,"id": string,"name": string,"organization_id": string,"position": number,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"id"?: string,"name": string,"organization_id": string,"position"?: number,"updated_at"?: string
                  }
                  Update: {
                    "created_at"?: string,"id"?: string,"name"?: string,"organization_id"?: string,"position"?: number,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "article_categories_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"article_feedback": {
                  Row: {
                    "article_id": string,"comment": string,"contact_id": string | null,"created_at": string,"helpful": boolean,"id": string,"organization_id": string,"reader_id": string | null,"version_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "article_id": string,"comment"?: string,"contact_id"?: string | null,"created_at"?: string,"helpful": boolean,"id"?: string,"organization_id": string,"reader_id"?: string | null,"version_id": string
                  }
                  Update: {
                    "article_id"?: string,"comment"?: string,"contact_id"?: string | null,"created_at"?: string,"helpful"?: boolean,"id"?: string,"organization_id"?: string,"reader_id"?: string | null,"version_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "article_feedback_organization_id_article_id_version_id_fkey"
      columns: ["organization_id","article_id","version_id"]
isOneToOne: false
      referencedRelation: "article_versions"
      referencedColumns: ["organization_id","article_id","id"]
    },{
      foreignKeyName: "article_feedback_organization_id_contact_id_fkey"
      columns: ["organization_id","contact_id"]
isOneToOne: false
      referencedRelation: "contacts"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "article_feedback_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"article_versions": {
                  Row: {
                    "article_id": string,"author_id": string | null,"body": string,"created_at": string,"id": string,"number": number,"organization_id": string,"title": string
                  }
                  ComputedFields: never
                  Insert: {
                    "article_id": string,"author_id"?: string | null,"body": string,"created_at"?: string,"id"?: string,"number": number,"organization_id": string,"title": string
                  }
                  Update: {
                    "article_id"?: string,"author_id"?: string | null,"body"?: string,"created_at"?: string,"id"?: string,"number"?: number,"organization_id"?: string,"title"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "article_versions_organization_id_article_id_fkey"
      columns: ["organization_id","article_id"]
isOneToOne: false
      referencedRelation: "articles"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "article_versions_organization_id_author_id_fkey"
      columns: ["organization_id","author_id"]
isOneToOne: false
      referencedRelation: "authors"
      referencedColumns: ["organization_id","user_id"]
    },{
      foreignKeyName: "article_versions_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"articles": {
                  Row: {
                    "category_id": string | null,"created_at": string,"current_version_id": string | null,"id": string,"language": string,"organization_id": string,"published_at": string | null,"slug": string,"status": Database["public"]['Enums']["article_status"],"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "category_id"?: string | null,"created_at"?: string,"current_version_id"?: string | null,"id"?: string,"language"?: string,"organization_id": string,"published_at"?: string | null,"slug": string,"status"?: Database["public"]['Enums']["article_status"],"updated_at"?: string
                  }
                  Update: {
                    "category_id"?: string | null,"created_at"?: string,"current_version_id"?: string | null,"id"?: string,"language"?: string,"organization_id"?: string,"published_at"?: string | null,"slug"?: string,"status"?: Database["public"]['Enums']["article_status"],"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "articles_current_version_fkey"
      columns: ["organization_id","id","current_version_id"]
isOneToOne: false
      referencedRelation: "article_versions"
      referencedColumns: ["organization_id","article_id","id"]
    },{
      foreignKeyName: "articles_organization_id_category_id_fkey"
      columns: ["organization_id","category_id"]
isOneToOne: false
      referencedRelation: "article_categories"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "articles_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"attachments": {
                  Row: {
                    "bytes": number,"content_id": string | null,"content_type": string,"created_at": string,"detected_type": string | null,"file_name": string,"id": string,"is_inline": boolean,"message_id": string,"organization_id": string,"sha256": string | null,"storage_path": string,"thumbnail_path": string | null,"ticket_id": string,"uploaded_by": string | null,"verdict": string,"verdict_because": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "bytes": number,"content_id"?: string | null,"content_type": string,"created_at"?: string,"detected_type"?: string | null,"file_name": string,"id"?: string,"is_inline"?: boolean,"message_id": string,"organization_id": string,"sha256"?: string | null,"storage_path": string,"thumbnail_path"?: string | null,"ticket_id": string,"uploaded_by"?: string | null,"verdict"?: string,"verdict_because"?: string | null
                  }
                  Update: {
                    "bytes"?: number,"content_id"?: string | null,"content_type"?: string,"created_at"?: string,"detected_type"?: string | null,"file_name"?: string,"id"?: string,"is_inline"?: boolean,"message_id"?: string,"organization_id"?: string,"sha256"?: string | null,"storage_path"?: string,"thumbnail_path"?: string | null,"ticket_id"?: string,"uploaded_by"?: string | null,"verdict"?: string,"verdict_because"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "attachments_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "attachments_organization_id_message_id_fkey"
      columns: ["organization_id","message_id"]
isOneToOne: false
      referencedRelation: "messages"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "attachments_organization_id_ticket_id_fkey"
      columns: ["organization_id","ticket_id"]
isOneToOne: false
      referencedRelation: "tickets"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"audit_log": {
                  Row: {
                    "action": string,"actor_id": string | null,"actor_role": string,"changes": NonNullable<Json>,"created_at": string,"epoch": number,"id": string,"ip": unknown,"organization_id": string,"row_id": string,"table_name": string,"txid": unknown,"user_agent": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "action": string,"actor_id"?: string | null,"actor_role": string,"changes": NonNullable<Json>,"created_at"?: string,"epoch": number,"id"?: string,"ip"?: unknown,"organization_id": string,"row_id": string,"table_name": string,"txid"?: unknown,"user_agent"?: string | null
                  }
                  Update: {
                    "action"?: string,"actor_id"?: string | null,"actor_role"?: string,"changes"?: NonNullable<Json>,"created_at"?: string,"epoch"?: number,"id"?: string,"ip"?: unknown,"organization_id"?: string,"row_id"?: string,"table_name"?: string,"txid"?: unknown,"user_agent"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "audit_log_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"audit_seals": {
                  Row: {
                    "created_at": string,"epoch": number,"hash": string,"last_id": string,"number": number,"organization_id": string,"rows": number,"txid": unknown
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"epoch": number,"hash": string,"last_id": string,"number": number,"organization_id": string,"rows": number,"txid": unknown
                  }
                  Update: {
                    "created_at"?: string,"epoch"?: number,"hash"?: string,"last_id"?: string,"number"?: number,"organization_id"?: string,"rows"?: number,"txid"?: unknown
                  }
                  Relationships: [
                    {
      foreignKeyName: "audit_seals_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"authors": {
                  Row: {
                    "avatar_path": string | null,"created_at": string,"left_at": string | null,"name": string,"organization_id": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "avatar_path"?: string | null,"created_at"?: string,"left_at"?: string | null,"name"?: string,"organization_id": string,"user_id": string
                  }
                  Update: {
                    "avatar_path"?: string | null,"created_at"?: string,"left_at"?: string | null,"name"?: string,"organization_id"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "authors_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"calendar_holidays": {
                  Row: {
                    "calendar_id": string,"day": string,"id": string,"name": string,"organization_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "calendar_id": string,"day": string,"id"?: string,"name"?: string,"organization_id": string
                  }
                  Update: {
                    "calendar_id"?: string,"day"?: string,"id"?: string,"name"?: string,"organization_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "calendar_holidays_organization_id_calendar_id_fkey"
      columns: ["organization_id","calendar_id"]
isOneToOne: false
      referencedRelation: "calendars"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"calendar_hours": {
                  Row: {
                    "calendar_id": string,"closes": string,"id": string,"opens": string,"organization_id": string,"weekday": number
                  }
                  ComputedFields: never
                  Insert: {
                    "calendar_id": string,"closes": string,"id"?: string,"opens": string,"organization_id": string,"weekday": number
                  }
                  Update: {
                    "calendar_id"?: string,"closes"?: string,"id"?: string,"opens"?: string,"organization_id"?: string,"weekday"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "calendar_hours_organization_id_calendar_id_fkey"
      columns: ["organization_id","calendar_id"]
isOneToOne: false
      referencedRelation: "calendars"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"calendars": {
                  Row: {
                    "created_at": string,"id": string,"is_default": boolean,"name": string,"organization_id": string,"time_zone": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"id"?: string,"is_default"?: boolean,"name": string,"organization_id": string,"time_zone"?: string,"updated_at"?: string
                  }
                  Update: {
                    "created_at"?: string,"id"?: string,"is_default"?: boolean,"name"?: string,"organization_id"?: string,"time_zone"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "calendars_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"canned_responses": {
                  Row: {
                    "body": string,"created_at": string,"id": string,"organization_id": string,"shortcut": string,"team_id": string | null,"title": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "body": string,"created_at"?: string,"id"?: string,"organization_id": string,"shortcut": string,"team_id"?: string | null,"title": string,"updated_at"?: string
                  }
                  Update: {
                    "body"?: string,"created_at"?: string,"id"?: string,"organization_id"?: string,"shortcut"?: string,"team_id"?: string | null,"title"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "canned_responses_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "canned_responses_organization_id_team_id_fkey"
      columns: ["organization_id","team_id"]
isOneToOne: false
      referencedRelation: "teams"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"captured_messages": {
                  Row: {
                    "channel": Database["public"]['Enums']["ticket_channel"],"created_at": string,"external_id": string,"id": string,"message_id": string,"organization_id": string,"ticket_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "channel": Database["public"]['Enums']["ticket_channel"],"created_at"?: string,"external_id": string,"id"?: string,"message_id": string,"organization_id": string,"ticket_id": string
                  }
                  Update: {
                    "channel"?: Database["public"]['Enums']["ticket_channel"],"created_at"?: string,"external_id"?: string,"id"?: string,"message_id"?: string,"organization_id"?: string,"ticket_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "captured_messages_organization_id_message_id_fkey"
      columns: ["organization_id","message_id"]
isOneToOne: false
      referencedRelation: "messages"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "captured_messages_organization_id_ticket_id_fkey"
      columns: ["organization_id","ticket_id"]
isOneToOne: false
      referencedRelation: "tickets"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"channel_threads": {
                  Row: {
                    "channel": Database["public"]['Enums']["ticket_channel"],"contact_id": string,"created_at": string,"id": string,"organization_id": string,"thread": string,"ticket_id": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "channel": Database["public"]['Enums']["ticket_channel"],"contact_id": string,"created_at"?: string,"id"?: string,"organization_id": string,"thread": string,"ticket_id"?: string | null
                  }
                  Update: {
                    "channel"?: Database["public"]['Enums']["ticket_channel"],"contact_id"?: string,"created_at"?: string,"id"?: string,"organization_id"?: string,"thread"?: string,"ticket_id"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "channel_threads_organization_id_contact_id_fkey"
      columns: ["organization_id","contact_id"]
isOneToOne: false
      referencedRelation: "contacts"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "channel_threads_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "channel_threads_organization_id_ticket_id_fkey"
      columns: ["organization_id","ticket_id"]
isOneToOne: false
      referencedRelation: "tickets"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"chat_widgets": {
                  Row: {
                    "created_at": string,"domains": (string)[],"greeting": string,"id": string,"is_active": boolean,"name": string,"needs_identity": boolean,"organization_id": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"domains": (string)[],"greeting"?: string,"id"?: string,"is_active"?: boolean,"name": string,"needs_identity"?: boolean,"organization_id": string,"updated_at"?: string
                  }
                  Update: {
                    "created_at"?: string,"domains"?: (string)[],"greeting"?: string,"id"?: string,"is_active"?: boolean,"name"?: string,"needs_identity"?: boolean,"organization_id"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "chat_widgets_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"chunks": {
                  Row: {
                    "article_id": string,"created_at": string,"heading": string,"id": string,"language": string,"ordinal": number,"organization_id": string,"retired_at": string | null,"text": string,"title": string,"tokens": number,"version_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "article_id": string,"created_at"?: string,"heading"?: string,"id"?: string,"language": string,"ordinal": number,"organization_id": string,"retired_at"?: string | null,"text": string,"title": string,"tokens": number,"version_id": string
                  }
                  Update: {
                    "article_id"?: string,"created_at"?: string,"heading"?: string,"id"?: string,"language"?: string,"ordinal"?: number,"organization_id"?: string,"retired_at"?: string | null,"text"?: string,"title"?: string,"tokens"?: number,"version_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "chunks_organization_id_article_id_fkey"
      columns: ["organization_id","article_id"]
isOneToOne: false
      referencedRelation: "articles"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "chunks_organization_id_article_id_version_id_fkey"
      columns: ["organization_id","article_id","version_id"]
isOneToOne: false
      referencedRelation: "article_versions"
      referencedColumns: ["organization_id","article_id","id"]
    },{
      foreignKeyName: "chunks_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"companies": {
                  Row: {
                    "created_at": string,"description": string,"fields": NonNullable<Json>,"id": string,"name": string,"organization_id": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"description"?: string,"fields"?: NonNullable<Json>,"id"?: string,"name": string,"organization_id": string,"updated_at"?: string
                  }
                  Update: {
                    "created_at"?: string,"description"?: string,"fields"?: NonNullable<Json>,"id"?: string,"name"?: string,"organization_id"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "companies_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"company_domains": {
                  Row: {
                    "company_id": string,"created_at": string,"domain": string,"organization_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "company_id": string,"created_at"?: string,"domain": string,"organization_id": string
                  }
                  Update: {
                    "company_id"?: string,"created_at"?: string,"domain"?: string,"organization_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "company_domains_organization_id_company_id_fkey"
      columns: ["organization_id","company_id"]
isOneToOne: false
      referencedRelation: "companies"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"compositions": {
                  Row: {
                    "body": string,"is_internal": boolean,"organization_id": string,"ticket_id": string,"updated_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "body": string,"is_internal"?: boolean,"organization_id": string,"ticket_id": string,"updated_at"?: string,"user_id"?: string
                  }
                  Update: {
                    "body"?: string,"is_internal"?: boolean,"organization_id"?: string,"ticket_id"?: string,"updated_at"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "compositions_organization_id_ticket_id_fkey"
      columns: ["organization_id","ticket_id"]
isOneToOne: false
      referencedRelation: "tickets"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "compositions_organization_id_user_id_fkey"
      columns: ["organization_id","user_id"]
isOneToOne: false
      referencedRelation: "members"
      referencedColumns: ["organization_id","user_id"]
    }
                  ]
                },"contact_external_ids": {
                  Row: {
                    "contact_id": string,"created_at": string,"external_id": string,"organization_id": string,"system": string
                  }
                  ComputedFields: never
                  Insert: {
                    "contact_id": string,"created_at"?: string,"external_id": string,"organization_id": string,"system": string
                  }
                  Update: {
                    "contact_id"?: string,"created_at"?: string,"external_id"?: string,"organization_id"?: string,"system"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "contact_external_ids_organization_id_contact_id_fkey"
      columns: ["organization_id","contact_id"]
isOneToOne: false
      referencedRelation: "contacts"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"contact_merges": {
                  Row: {
                    "created_at": string,"filled": NonNullable<Json>,"id": string,"loser_email": string | null,"loser_id": string,"loser_name": string,"merged_by": string | null,"moved": NonNullable<Json>,"organization_id": string,"undone_at": string | null,"undone_by": string | null,"winner_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"filled"?: NonNullable<Json>,"id"?: string,"loser_email"?: string | null,"loser_id": string,"loser_name": string,"merged_by"?: string | null,"moved"?: NonNullable<Json>,"organization_id": string,"undone_at"?: string | null,"undone_by"?: string | null,"winner_id": string
                  }
                  Update: {
                    "created_at"?: string,"filled"?: NonNullable<Json>,"id"?: string,"loser_email"?: string | null,"loser_id"?: string,"loser_name"?: string,"merged_by"?: string | null,"moved"?: NonNullable<Json>,"organization_id"?: string,"undone_at"?: string | null,"undone_by"?: string | null,"winner_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "contact_merges_organization_id_loser_id_fkey"
      columns: ["organization_id","loser_id"]
isOneToOne: false
      referencedRelation: "contacts"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "contact_merges_organization_id_winner_id_fkey"
      columns: ["organization_id","winner_id"]
isOneToOne: false
      referencedRelation: "contacts"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"contact_notes": {
                  Row: {
                    "author_id": string | null,"body": string,"contact_id": string,"created_at": string,"id": string,"is_pinned": boolean,"organization_id": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "author_id"?: string | null,"body": string,"contact_id": string,"created_at"?: string,"id"?: string,"is_pinned"?: boolean,"organization_id": string,"updated_at"?: string
                  }
                  Update: {
                    "author_id"?: string | null,"body"?: string,"contact_id"?: string,"created_at"?: string,"id"?: string,"is_pinned"?: boolean,"organization_id"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "contact_notes_organization_id_author_id_fkey"
      columns: ["organization_id","author_id"]
isOneToOne: false
      referencedRelation: "members"
      referencedColumns: ["organization_id","user_id"]
    },{
      foreignKeyName: "contact_notes_organization_id_contact_id_fkey"
      columns: ["organization_id","contact_id"]
isOneToOne: false
      referencedRelation: "contacts"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"contact_reads": {
                  Row: {
                    "organization_id": string,"read_at": string,"seq": number,"ticket_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "organization_id": string,"read_at"?: string,"seq": number,"ticket_id": string
                  }
                  Update: {
                    "organization_id"?: string,"read_at"?: string,"seq"?: number,"ticket_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "contact_reads_organization_id_ticket_id_fkey"
      columns: ["organization_id","ticket_id"]
isOneToOne: false
      referencedRelation: "tickets"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"contact_tags": {
                  Row: {
                    "contact_id": string,"created_at": string,"created_by": string | null,"organization_id": string,"tag_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "contact_id": string,"created_at"?: string,"created_by"?: string | null,"organization_id": string,"tag_id": string
                  }
                  Update: {
                    "contact_id"?: string,"created_at"?: string,"created_by"?: string | null,"organization_id"?: string,"tag_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "contact_tags_organization_id_contact_id_fkey"
      columns: ["organization_id","contact_id"]
isOneToOne: false
      referencedRelation: "contacts"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "contact_tags_organization_id_tag_id_fkey"
      columns: ["organization_id","tag_id"]
isOneToOne: false
      referencedRelation: "tags"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"contacts": {
                  Row: {
                    "company_id": string | null,"consent_source": string | null,"created_at": string,"email": string | null,"erased_at": string | null,"fields": NonNullable<Json>,"id": string,"language": string | null,"merged_into": string | null,"name": string,"organization_id": string,"phone": string | null,"source": string,"subscription_changed_at": string | null,"subscription_changed_by": string | null,"subscription_status": string,"suppressed_at": string | null,"suppressed_because": string | null,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "company_id"?: string | null,"consent_source"?: string | null,"created_at"?: string,"email"?: string | null,"erased_at"?: string | null,"fields"?: NonNullable<Json>,"id"?: string,"language"?: string | null,"merged_into"?: string | null,"name"?: string,"organization_id": string,"phone"?: string | null,"source"?: string,"subscription_changed_at"?: string | null,"subscription_changed_by"?: string | null,"subscription_status"?: string,"suppressed_at"?: string | null,"suppressed_because"?: string | null,"updated_at"?: string
                  }
                  Update: {
                    "company_id"?: string | null,"consent_source"?: string | null,"created_at"?: string,"email"?: string | null,"erased_at"?: string | null,"fields"?: NonNullable<Json>,"id"?: string,"language"?: string | null,"merged_into"?: string | null,"name"?: string,"organization_id"?: string,"phone"?: string | null,"source"?: string,"subscription_changed_at"?: string | null,"subscription_changed_by"?: string | null,"subscription_status"?: string,"suppressed_at"?: string | null,"suppressed_because"?: string | null,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "contacts_organization_id_company_id_fkey"
      columns: ["organization_id","company_id"]
isOneToOne: false
      referencedRelation: "companies"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "contacts_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "contacts_organization_id_merged_into_fkey"
      columns: ["organization_id","merged_into"]
isOneToOne: false
      referencedRelation: "contacts"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"csat_ratings": {
                  Row: {
                    "answered_by": string | null,"at": string,"comment": string,"contact_id": string,"created_at": string,"id": string,"member_id": string | null,"organization_id": string,"score": number,"survey_id": string,"team_id": string | null,"ticket_id": string,"via": string
                  }
                  ComputedFields: never
                  Insert: {
                    "answered_by"?: string | null,"at"?: string,"comment"?: string,"contact_id": string,"created_at"?: string,"id"?: string,"member_id"?: string | null,"organization_id": string,"score": number,"survey_id": string,"team_id"?: string | null,"ticket_id": string,"via": string
                  }
                  Update: {
                    "answered_by"?: string | null,"at"?: string,"comment"?: string,"contact_id"?: string,"created_at"?: string,"id"?: string,"member_id"?: string | null,"organization_id"?: string,"score"?: number,"survey_id"?: string,"team_id"?: string | null,"ticket_id"?: string,"via"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "csat_ratings_organization_id_contact_id_fkey"
      columns: ["organization_id","contact_id"]
isOneToOne: false
      referencedRelation: "contacts"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "csat_ratings_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "csat_ratings_organization_id_survey_id_fkey"
      columns: ["organization_id","survey_id"]
isOneToOne: true
      referencedRelation: "csat_surveys"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "csat_ratings_organization_id_ticket_id_fkey"
      columns: ["organization_id","ticket_id"]
isOneToOne: false
      referencedRelation: "tickets"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"csat_surveys": {
                  Row: {
                    "answered_by": string | null,"contact_id": string,"created_at": string,"expires_at": string,"id": string,"member_id": string | null,"organization_id": string,"resolved_at": string,"team_id": string | null,"ticket_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "answered_by"?: string | null,"contact_id": string,"created_at"?: string,"expires_at"?: string,"id"?: string,"member_id"?: string | null,"organization_id": string,"resolved_at": string,"team_id"?: string | null,"ticket_id": string
                  }
                  Update: {
                    "answered_by"?: string | null,"contact_id"?: string,"created_at"?: string,"expires_at"?: string,"id"?: string,"member_id"?: string | null,"organization_id"?: string,"resolved_at"?: string,"team_id"?: string | null,"ticket_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "csat_surveys_organization_id_contact_id_fkey"
      columns: ["organization_id","contact_id"]
isOneToOne: false
      referencedRelation: "contacts"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "csat_surveys_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "csat_surveys_organization_id_ticket_id_fkey"
      columns: ["organization_id","ticket_id"]
isOneToOne: false
      referencedRelation: "tickets"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"custom_fields": {
                  Row: {
                    "archived_at": string | null,"created_at": string,"id": string,"is_required": boolean,"is_sensitive": boolean,"key": string,"label": string,"options": (string)[],"organization_id": string,"position": number,"target": string,"type": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "archived_at"?: string | null,"created_at"?: string,"id"?: string,"is_required"?: boolean,"is_sensitive"?: boolean,"key": string,"label": string,"options"?: (string)[],"organization_id": string,"position"?: number,"target": string,"type": string,"updated_at"?: string
                  }
                  Update: {
                    "archived_at"?: string | null,"created_at"?: string,"id"?: string,"is_required"?: boolean,"is_sensitive"?: boolean,"key"?: string,"label"?: string,"options"?: (string)[],"organization_id"?: string,"position"?: number,"target"?: string,"type"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "custom_fields_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"dismissed_duplicates": {
                  Row: {
                    "contact_id": string,"created_at": string,"dismissed_by": string | null,"organization_id": string,"other_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "contact_id": string,"created_at"?: string,"dismissed_by"?: string | null,"organization_id": string,"other_id": string
                  }
                  Update: {
                    "contact_id"?: string,"created_at"?: string,"dismissed_by"?: string | null,"organization_id"?: string,"other_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "dismissed_duplicates_organization_id_contact_id_fkey"
      columns: ["organization_id","contact_id"]
isOneToOne: false
      referencedRelation: "contacts"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "dismissed_duplicates_organization_id_other_id_fkey"
      columns: ["organization_id","other_id"]
isOneToOne: false
      referencedRelation: "contacts"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"draft_citations": {
                  Row: {
                    "article_id": string,"chunk_id": string,"created_at": string,"draft_id": string,"ordinal": number,"organization_id": string,"sentence": string,"support": number,"version_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "article_id": string,"chunk_id": string,"created_at"?: string,"draft_id": string,"ordinal": number,"organization_id": string,"sentence": string,"support": number,"version_id": string
                  }
                  Update: {
                    "article_id"?: string,"chunk_id"?: string,"created_at"?: string,"draft_id"?: string,"ordinal"?: number,"organization_id"?: string,"sentence"?: string,"support"?: number,"version_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "draft_citations_organization_id_article_id_version_id_fkey"
      columns: ["organization_id","article_id","version_id"]
isOneToOne: false
      referencedRelation: "article_versions"
      referencedColumns: ["organization_id","article_id","id"]
    },{
      foreignKeyName: "draft_citations_organization_id_chunk_id_fkey"
      columns: ["organization_id","chunk_id"]
isOneToOne: false
      referencedRelation: "chunks"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "draft_citations_organization_id_draft_id_fkey"
      columns: ["organization_id","draft_id"]
isOneToOne: false
      referencedRelation: "drafts"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"draft_feedback": {
                  Row: {
                    "comment": string,"created_at": string,"draft_id": string,"final_text": string | null,"id": string,"member_id": string | null,"organization_id": string,"verdict": string
                  }
                  ComputedFields: never
                  Insert: {
                    "comment"?: string,"created_at"?: string,"draft_id": string,"final_text"?: string | null,"id"?: string,"member_id"?: string | null,"organization_id": string,"verdict": string
                  }
                  Update: {
                    "comment"?: string,"created_at"?: string,"draft_id"?: string,"final_text"?: string | null,"id"?: string,"member_id"?: string | null,"organization_id"?: string,"verdict"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "draft_feedback_organization_id_draft_id_fkey"
      columns: ["organization_id","draft_id"]
isOneToOne: false
      referencedRelation: "drafts"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "draft_feedback_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "draft_feedback_organization_id_member_id_fkey"
      columns: ["organization_id","member_id"]
isOneToOne: false
      referencedRelation: "authors"
      referencedColumns: ["organization_id","user_id"]
    }
                  ]
                },"drafts": {
                  Row: {
                    "body_text": string,"confidence": number,"created_at": string,"decision": string,"id": string,"message_id": string,"organization_id": string,"reasons": (string)[],"seen_seq": number,"sent_message_id": string | null,"source": string,"status": string,"ticket_id": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "body_text": string,"confidence": number,"created_at"?: string,"decision": string,"id"?: string,"message_id": string,"organization_id": string,"reasons"?: (string)[],"seen_seq": number,"sent_message_id"?: string | null,"source": string,"status"?: string,"ticket_id": string,"updated_at"?: string
                  }
                  Update: {
                    "body_text"?: string,"confidence"?: number,"created_at"?: string,"decision"?: string,"id"?: string,"message_id"?: string,"organization_id"?: string,"reasons"?: (string)[],"seen_seq"?: number,"sent_message_id"?: string | null,"source"?: string,"status"?: string,"ticket_id"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "drafts_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "drafts_organization_id_message_id_fkey"
      columns: ["organization_id","message_id"]
isOneToOne: true
      referencedRelation: "messages"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "drafts_organization_id_sent_message_id_fkey"
      columns: ["organization_id","sent_message_id"]
isOneToOne: false
      referencedRelation: "messages"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "drafts_organization_id_ticket_id_fkey"
      columns: ["organization_id","ticket_id"]
isOneToOne: false
      referencedRelation: "tickets"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"events": {
                  Row: {
                    "actor_id": string | null,"audience": string,"created_at": string,"data": NonNullable<Json>,"id": string,"organization_id": string,"seq": number,"subject_id": string,"ticket_id": string | null,"txid": unknown,"type": string
                  }
                  ComputedFields: never
                  Insert: {
                    "actor_id"?: string | null,"audience"?: string,"created_at"?: string,"data"?: NonNullable<Json>,"id"?: string,"organization_id": string,"seq"?: never,"subject_id": string,"ticket_id"?: string | null,"txid"?: unknown,"type": string
                  }
                  Update: {
                    "actor_id"?: string | null,"audience"?: string,"created_at"?: string,"data"?: NonNullable<Json>,"id"?: string,"organization_id"?: string,"seq"?: never,"subject_id"?: string,"ticket_id"?: string | null,"txid"?: unknown,"type"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "events_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"inbound_mails": {
                  Row: {
                    "bytes": number,"content_sha256": string,"created_at": string,"decision": NonNullable<Json>,"deliveries": number,"dmarc": string | null,"done_at": string | null,"envelope_from": string | null,"id": string,"id_reused": boolean,"last_delivered_at": string,"mail_address_id": string | null,"message_id": string | null,"message_id_header": string | null,"organization_id": string,"outcome": string | null,"reason": string | null,"recipients": (string)[],"sender": string | null,"state": Database["public"]['Enums']["inbound_state"],"subject": string | null,"ticket_id": string | null,"updated_at": string,"verdict": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "bytes": number,"content_sha256": string,"created_at"?: string,"decision"?: NonNullable<Json>,"deliveries"?: number,"dmarc"?: string | null,"done_at"?: string | null,"envelope_from"?: string | null,"id"?: string,"id_reused"?: boolean,"last_delivered_at"?: string,"mail_address_id"?: string | null,"message_id"?: string | null,"message_id_header"?: string | null,"organization_id": string,"outcome"?: string | null,"reason"?: string | null,"recipients": (string)[],"sender"?: string | null,"state"?: Database["public"]['Enums']["inbound_state"],"subject"?: string | null,"ticket_id"?: string | null,"updated_at"?: string,"verdict"?: string | null
                  }
                  Update: {
                    "bytes"?: number,"content_sha256"?: string,"created_at"?: string,"decision"?: NonNullable<Json>,"deliveries"?: number,"dmarc"?: string | null,"done_at"?: string | null,"envelope_from"?: string | null,"id"?: string,"id_reused"?: boolean,"last_delivered_at"?: string,"mail_address_id"?: string | null,"message_id"?: string | null,"message_id_header"?: string | null,"organization_id"?: string,"outcome"?: string | null,"reason"?: string | null,"recipients"?: (string)[],"sender"?: string | null,"state"?: Database["public"]['Enums']["inbound_state"],"subject"?: string | null,"ticket_id"?: string | null,"updated_at"?: string,"verdict"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "inbound_mails_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "inbound_mails_organization_id_mail_address_id_fkey"
      columns: ["organization_id","mail_address_id"]
isOneToOne: false
      referencedRelation: "mail_addresses"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "inbound_mails_organization_id_message_id_fkey"
      columns: ["organization_id","message_id"]
isOneToOne: false
      referencedRelation: "messages"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "inbound_mails_organization_id_ticket_id_fkey"
      columns: ["organization_id","ticket_id"]
isOneToOne: false
      referencedRelation: "tickets"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"invitations": {
                  Row: {
                    "accepted_at": string | null,"created_at": string,"email": string,"expires_at": string,"id": string,"invited_by": string | null,"mailed_in": string | null,"organization_id": string,"role": Database["public"]['Enums']["member_role"],"mail_status": string | null
                  }
                  ComputedFields: "mail_status"
                  Insert: {
                    "accepted_at"?: string | null,"created_at"?: string,"email": string,"expires_at"?: string,"id"?: string,"invited_by"?: string | null,"mailed_in"?: string | null,"organization_id": string,"role": Database["public"]['Enums']["member_role"]
                  }
                  Update: {
                    "accepted_at"?: string | null,"created_at"?: string,"email"?: string,"expires_at"?: string,"id"?: string,"invited_by"?: string | null,"mailed_in"?: string | null,"organization_id"?: string,"role"?: Database["public"]['Enums']["member_role"]
                  }
                  Relationships: [
                    {
      foreignKeyName: "invitations_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"macros": {
                  Row: {
                    "actions": NonNullable<Json>,"created_at": string,"id": string,"name": string,"organization_id": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "actions": NonNullable<Json>,"created_at"?: string,"id"?: string,"name": string,"organization_id": string,"updated_at"?: string
                  }
                  Update: {
                    "actions"?: NonNullable<Json>,"created_at"?: string,"id"?: string,"name"?: string,"organization_id"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "macros_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"mail_addresses": {
                  Row: {
                    "address": string,"created_at": string,"display_name": string,"id": string,"is_default": boolean,"organization_id": string,"team_id": string | null,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "address": string,"created_at"?: string,"display_name"?: string,"id"?: string,"is_default"?: boolean,"organization_id": string,"team_id"?: string | null,"updated_at"?: string
                  }
                  Update: {
                    "address"?: string,"created_at"?: string,"display_name"?: string,"id"?: string,"is_default"?: boolean,"organization_id"?: string,"team_id"?: string | null,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "mail_addresses_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "mail_addresses_organization_id_team_id_fkey"
      columns: ["organization_id","team_id"]
isOneToOne: false
      referencedRelation: "teams"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"mail_events": {
                  Row: {
                    "at": string,"bounce": string | null,"created_at": string,"detail": NonNullable<Json>,"id": string,"organization_id": string,"outgoing_mail_id": string,"provider": string,"provider_event_id": string,"type": string
                  }
                  ComputedFields: never
                  Insert: {
                    "at": string,"bounce"?: string | null,"created_at"?: string,"detail"?: NonNullable<Json>,"id"?: string,"organization_id": string,"outgoing_mail_id": string,"provider": string,"provider_event_id": string,"type": string
                  }
                  Update: {
                    "at"?: string,"bounce"?: string | null,"created_at"?: string,"detail"?: NonNullable<Json>,"id"?: string,"organization_id"?: string,"outgoing_mail_id"?: string,"provider"?: string,"provider_event_id"?: string,"type"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "mail_events_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "mail_events_organization_id_outgoing_mail_id_fkey"
      columns: ["organization_id","outgoing_mail_id"]
isOneToOne: false
      referencedRelation: "outgoing_mails"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"member_availability": {
                  Row: {
                    "capacity": number,"last_assigned_at": string | null,"organization_id": string,"status": string,"updated_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "capacity"?: number,"last_assigned_at"?: string | null,"organization_id": string,"status"?: string,"updated_at"?: string,"user_id": string
                  }
                  Update: {
                    "capacity"?: number,"last_assigned_at"?: string | null,"organization_id"?: string,"status"?: string,"updated_at"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "member_availability_organization_id_user_id_fkey"
      columns: ["organization_id","user_id"]
isOneToOne: true
      referencedRelation: "members"
      referencedColumns: ["organization_id","user_id"]
    }
                  ]
                },"member_skills": {
                  Row: {
                    "created_at": string,"organization_id": string,"skill_id": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"organization_id": string,"skill_id": string,"user_id": string
                  }
                  Update: {
                    "created_at"?: string,"organization_id"?: string,"skill_id"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "member_skills_organization_id_skill_id_fkey"
      columns: ["organization_id","skill_id"]
isOneToOne: false
      referencedRelation: "skills"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "member_skills_organization_id_user_id_fkey"
      columns: ["organization_id","user_id"]
isOneToOne: false
      referencedRelation: "members"
      referencedColumns: ["organization_id","user_id"]
    }
                  ]
                },"members": {
                  Row: {
                    "created_at": string,"display_name": string,"organization_id": string,"role": Database["public"]['Enums']["member_role"],"updated_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"display_name"?: string,"organization_id": string,"role": Database["public"]['Enums']["member_role"],"updated_at"?: string,"user_id": string
                  }
                  Update: {
                    "created_at"?: string,"display_name"?: string,"organization_id"?: string,"role"?: Database["public"]['Enums']["member_role"],"updated_at"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "members_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"messages": {
                  Row: {
                    "body_html": string | null,"body_text": string,"contact_id": string | null,"created_at": string,"id": string,"is_internal": boolean,"is_machine": boolean,"is_verified": boolean,"member_id": string | null,"message_id_header": string | null,"organization_id": string,"process": boolean,"reply_text": string | null,"sender": Database["public"]['Enums']["message_sender"],"sender_status": string,"seq": number,"ticket_id": string,"wants_person": boolean
                  }
                  ComputedFields: never
                  Insert: {
                    "body_html"?: string | null,"body_text"?: string,"contact_id"?: string | null,"created_at"?: string,"id"?: string,"is_internal"?: boolean,"is_machine"?: boolean,"is_verified"?: boolean,"member_id"?: string | null,"message_id_header"?: string | null,"organization_id": string,"process"?: boolean,"reply_text"?: string | null,"sender": Database["public"]['Enums']["message_sender"],"sender_status"?: string,"seq": number,"ticket_id": string,"wants_person"?: boolean
                  }
                  Update: {
                    "body_html"?: string | null,"body_text"?: string,"contact_id"?: string | null,"created_at"?: string,"id"?: string,"is_internal"?: boolean,"is_machine"?: boolean,"is_verified"?: boolean,"member_id"?: string | null,"message_id_header"?: string | null,"organization_id"?: string,"process"?: boolean,"reply_text"?: string | null,"sender"?: Database["public"]['Enums']["message_sender"],"sender_status"?: string,"seq"?: number,"ticket_id"?: string,"wants_person"?: boolean
                  }
                  Relationships: [
                    {
      foreignKeyName: "messages_organization_id_contact_id_fkey"
      columns: ["organization_id","contact_id"]
isOneToOne: false
      referencedRelation: "contacts"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "messages_organization_id_member_id_fkey"
      columns: ["organization_id","member_id"]
isOneToOne: false
      referencedRelation: "authors"
      referencedColumns: ["organization_id","user_id"]
    },{
      foreignKeyName: "messages_organization_id_ticket_id_fkey"
      columns: ["organization_id","ticket_id"]
isOneToOne: false
      referencedRelation: "tickets"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"notification_preferences": {
                  Row: {
                    "created_at": string,"in_app": boolean,"kind": string,"mail": string,"organization_id": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"in_app"?: boolean,"kind": string,"mail"?: string,"organization_id": string,"user_id"?: string
                  }
                  Update: {
                    "created_at"?: string,"in_app"?: boolean,"kind"?: string,"mail"?: string,"organization_id"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "notification_preferences_organization_id_user_id_fkey"
      columns: ["organization_id","user_id"]
isOneToOne: false
      referencedRelation: "members"
      referencedColumns: ["organization_id","user_id"]
    }
                  ]
                },"notification_settings": {
                  Row: {
                    "created_at": string,"digest": string,"digest_hour": number,"mail_stopped_at": string | null,"mail_stopped_because": string | null,"organization_id": string,"time_zone": string | null,"updated_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"digest"?: string,"digest_hour"?: number,"mail_stopped_at"?: string | null,"mail_stopped_because"?: string | null,"organization_id": string,"time_zone"?: string | null,"updated_at"?: string,"user_id"?: string
                  }
                  Update: {
                    "created_at"?: string,"digest"?: string,"digest_hour"?: number,"mail_stopped_at"?: string | null,"mail_stopped_because"?: string | null,"organization_id"?: string,"time_zone"?: string | null,"updated_at"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "notification_settings_organization_id_user_id_fkey"
      columns: ["organization_id","user_id"]
isOneToOne: true
      referencedRelation: "members"
      referencedColumns: ["organization_id","user_id"]
    }
                  ]
                },"notifications": {
                  Row: {
                    "actor_id": string | null,"at": string,"count": number,"created_at": string,"id": string,"in_app": boolean,"kind": string,"mail": string,"mailed_in": string | null,"organization_id": string,"read_at": string | null,"seen_at": string | null,"seq": number | null,"subject_id": string,"ticket_id": string | null,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "actor_id"?: string | null,"at"?: string,"count"?: number,"created_at"?: string,"id"?: string,"in_app": boolean,"kind": string,"mail": string,"mailed_in"?: string | null,"organization_id": string,"read_at"?: string | null,"seen_at"?: string | null,"seq"?: number | null,"subject_id": string,"ticket_id"?: string | null,"user_id": string
                  }
                  Update: {
                    "actor_id"?: string | null,"at"?: string,"count"?: number,"created_at"?: string,"id"?: string,"in_app"?: boolean,"kind"?: string,"mail"?: string,"mailed_in"?: string | null,"organization_id"?: string,"read_at"?: string | null,"seen_at"?: string | null,"seq"?: number | null,"subject_id"?: string,"ticket_id"?: string | null,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "notifications_organization_id_ticket_id_fkey"
      columns: ["organization_id","ticket_id"]
isOneToOne: false
      referencedRelation: "tickets"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "notifications_organization_id_user_id_fkey"
      columns: ["organization_id","user_id"]
isOneToOne: false
      referencedRelation: "members"
      referencedColumns: ["organization_id","user_id"]
    }
                  ]
                },"organizations": {
                  Row: {
                    "ai_mode": string,"ai_threshold": number,"ask_csat_after": string | null,"close_after": string | null,"created_at": string,"file_types": (string)[] | null,"id": string,"language": string,"mail_chat_after": string | null,"name": string,"plan": string,"reopen_closed": boolean,"reopen_for": string,"reopen_within": string | null,"require_mfa": boolean,"settings": NonNullable<Json>,"slug": string,"solve_after": string | null,"thanks_stay_solved": boolean,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "ai_mode"?: string,"ai_threshold"?: number,"ask_csat_after"?: string | null,"close_after"?: string | null,"created_at"?: string,"file_types"?: (string)[] | null,"id"?: string,"language"?: string,"mail_chat_after"?: string | null,"name": string,"plan"?: string,"reopen_closed"?: boolean,"reopen_for"?: string,"reopen_within"?: string | null,"require_mfa"?: boolean,"settings"?: NonNullable<Json>,"slug": string,"solve_after"?: string | null,"thanks_stay_solved"?: boolean,"updated_at"?: string
                  }
                  Update: {
                    "ai_mode"?: string,"ai_threshold"?: number,"ask_csat_after"?: string | null,"close_after"?: string | null,"created_at"?: string,"file_types"?: (string)[] | null,"id"?: string,"language"?: string,"mail_chat_after"?: string | null,"name"?: string,"plan"?: string,"reopen_closed"?: boolean,"reopen_for"?: string,"reopen_within"?: string | null,"require_mfa"?: boolean,"settings"?: NonNullable<Json>,"slug"?: string,"solve_after"?: string | null,"thanks_stay_solved"?: boolean,"updated_at"?: string
                  }
                  Relationships: [
                    
                  ]
                },"outgoing_mails": {
                  Row: {
                    "about_id": string | null,"attempt_token": string | null,"attempted_at": string | null,"bcc": (string)[],"body_html": string,"body_text": string,"bounced_at": string | null,"cc": (string)[],"clicked_at": string | null,"complained_at": string | null,"contact_id": string | null,"created_at": string,"delivered_at": string | null,"delivery": Database["public"]['Enums']["mail_delivery"] | null,"from_address": string,"headers": NonNullable<Json>,"id": string,"idempotency_key": string | null,"is_automatic": boolean,"kind": string,"message_id": string | null,"message_id_header": string | null,"opened_at": string | null,"organization_id": string,"provider": string | null,"provider_id": string | null,"reason": string | null,"reply_to": string,"sent_at": string | null,"status": string,"subject": string,"ticket_id": string | null,"to_address": string,"updated_at": string,"user_id": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "about_id"?: string | null,"attempt_token"?: string | null,"attempted_at"?: string | null,"bcc"?: (string)[],"body_html": string,"body_text": string,"bounced_at"?: string | null,"cc"?: (string)[],"clicked_at"?: string | null,"complained_at"?: string | null,"contact_id"?: string | null,"created_at"?: string,"delivered_at"?: string | null,"delivery"?: Database["public"]['Enums']["mail_delivery"] | null,"from_address": string,"headers"?: NonNullable<Json>,"id"?: string,"idempotency_key"?: string | null,"is_automatic": boolean,"kind": string,"message_id"?: string | null,"message_id_header"?: string | null,"opened_at"?: string | null,"organization_id": string,"provider"?: string | null,"provider_id"?: string | null,"reason"?: string | null,"reply_to": string,"sent_at"?: string | null,"status"?: string,"subject": string,"ticket_id"?: string | null,"to_address": string,"updated_at"?: string,"user_id"?: string | null
                  }
                  Update: {
                    "about_id"?: string | null,"attempt_token"?: string | null,"attempted_at"?: string | null,"bcc"?: (string)[],"body_html"?: string,"body_text"?: string,"bounced_at"?: string | null,"cc"?: (string)[],"clicked_at"?: string | null,"complained_at"?: string | null,"contact_id"?: string | null,"created_at"?: string,"delivered_at"?: string | null,"delivery"?: Database["public"]['Enums']["mail_delivery"] | null,"from_address"?: string,"headers"?: NonNullable<Json>,"id"?: string,"idempotency_key"?: string | null,"is_automatic"?: boolean,"kind"?: string,"message_id"?: string | null,"message_id_header"?: string | null,"opened_at"?: string | null,"organization_id"?: string,"provider"?: string | null,"provider_id"?: string | null,"reason"?: string | null,"reply_to"?: string,"sent_at"?: string | null,"status"?: string,"subject"?: string,"ticket_id"?: string | null,"to_address"?: string,"updated_at"?: string,"user_id"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "outgoing_mails_organization_id_contact_id_fkey"
      columns: ["organization_id","contact_id"]
isOneToOne: false
      referencedRelation: "contacts"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "outgoing_mails_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "outgoing_mails_organization_id_message_id_fkey"
      columns: ["organization_id","message_id"]
isOneToOne: false
      referencedRelation: "messages"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "outgoing_mails_organization_id_ticket_id_fkey"
      columns: ["organization_id","ticket_id"]
isOneToOne: false
      referencedRelation: "tickets"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "outgoing_mails_organization_id_user_id_fkey"
      columns: ["organization_id","user_id"]
isOneToOne: false
      referencedRelation: "members"
      referencedColumns: ["organization_id","user_id"]
    }
                  ]
                },"privacy_requests": {
                  Row: {
                    "contact_id": string,"created_at": string,"done_at": string | null,"error": string | null,"expires_at": string | null,"files": (string)[],"id": string,"kind": string,"manifest": NonNullable<Json>,"note": string,"organization_id": string,"requested_by": string | null,"state": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "contact_id": string,"created_at"?: string,"done_at"?: string | null,"error"?: string | null,"expires_at"?: string | null,"files"?: (string)[],"id"?: string,"kind": string,"manifest"?: NonNullable<Json>,"note"?: string,"organization_id": string,"requested_by"?: string | null,"state"?: string,"updated_at"?: string
                  }
                  Update: {
                    "contact_id"?: string,"created_at"?: string,"done_at"?: string | null,"error"?: string | null,"expires_at"?: string | null,"files"?: (string)[],"id"?: string,"kind"?: string,"manifest"?: NonNullable<Json>,"note"?: string,"organization_id"?: string,"requested_by"?: string | null,"state"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "privacy_requests_organization_id_contact_id_fkey"
      columns: ["organization_id","contact_id"]
isOneToOne: false
      referencedRelation: "contacts"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "privacy_requests_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"profiles": {
                  Row: {
                    "avatar_path": string | null,"created_at": string,"locale": string,"name": string,"time_zone": string,"updated_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "avatar_path"?: string | null,"created_at"?: string,"locale"?: string,"name"?: string,"time_zone"?: string,"updated_at"?: string,"user_id": string
                  }
                  Update: {
                    "avatar_path"?: string | null,"created_at"?: string,"locale"?: string,"name"?: string,"time_zone"?: string,"updated_at"?: string,"user_id"?: string
                  }
                  Relationships: [
                    
                  ]
                },"provider_mails": {
                  Row: {
                    "created_at": string,"envelope_from": string | null,"id": string,"inbound_mail_id": string | null,"locator": string | null,"organization_id": string | null,"provider": string,"provider_id": string,"reason": string | null,"recipients": (string)[],"state": Database["public"]['Enums']["provider_mail_state"],"updated_at": string,"verdicts": Json | null
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"envelope_from"?: string | null,"id"?: string,"inbound_mail_id"?: string | null,"locator"?: string | null,"organization_id"?: string | null,"provider": string,"provider_id": string,"reason"?: string | null,"recipients"?: (string)[],"state"?: Database["public"]['Enums']["provider_mail_state"],"updated_at"?: string,"verdicts"?: Json | null
                  }
                  Update: {
                    "created_at"?: string,"envelope_from"?: string | null,"id"?: string,"inbound_mail_id"?: string | null,"locator"?: string | null,"organization_id"?: string | null,"provider"?: string,"provider_id"?: string,"reason"?: string | null,"recipients"?: (string)[],"state"?: Database["public"]['Enums']["provider_mail_state"],"updated_at"?: string,"verdicts"?: Json | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "provider_mails_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "provider_mails_organization_id_inbound_mail_id_fkey"
      columns: ["organization_id","inbound_mail_id"]
isOneToOne: false
      referencedRelation: "inbound_mails"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"retention_rules": {
                  Row: {
                    "created_at": string,"gone": number,"keep": string,"last_run_at": string | null,"organization_id": string,"updated_at": string,"what": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"gone"?: number,"keep": string,"last_run_at"?: string | null,"organization_id": string,"updated_at"?: string,"what": string
                  }
                  Update: {
                    "created_at"?: string,"gone"?: number,"keep"?: string,"last_run_at"?: string | null,"organization_id"?: string,"updated_at"?: string,"what"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "retention_rules_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"room_members": {
                  Row: {
                    "created_at": string,"organization_id": string,"read_seq": number,"room_id": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"organization_id": string,"read_seq"?: number,"room_id": string,"user_id": string
                  }
                  Update: {
                    "created_at"?: string,"organization_id"?: string,"read_seq"?: number,"room_id"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "room_members_organization_id_room_id_fkey"
      columns: ["organization_id","room_id"]
isOneToOne: false
      referencedRelation: "rooms"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "room_members_organization_id_user_id_fkey"
      columns: ["organization_id","user_id"]
isOneToOne: false
      referencedRelation: "members"
      referencedColumns: ["organization_id","user_id"]
    }
                  ]
                },"room_messages": {
                  Row: {
                    "body": string,"created_at": string,"deleted_at": string | null,"edited_at": string | null,"id": string,"organization_id": string,"room_id": string,"seq": number,"user_id": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "body": string,"created_at"?: string,"deleted_at"?: string | null,"edited_at"?: string | null,"id"?: string,"organization_id": string,"room_id": string,"seq": number,"user_id"?: string | null
                  }
                  Update: {
                    "body"?: string,"created_at"?: string,"deleted_at"?: string | null,"edited_at"?: string | null,"id"?: string,"organization_id"?: string,"room_id"?: string,"seq"?: number,"user_id"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "room_messages_organization_id_room_id_fkey"
      columns: ["organization_id","room_id"]
isOneToOne: false
      referencedRelation: "rooms"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "room_messages_organization_id_user_id_fkey"
      columns: ["organization_id","user_id"]
isOneToOne: false
      referencedRelation: "authors"
      referencedColumns: ["organization_id","user_id"]
    }
                  ]
                },"rooms": {
                  Row: {
                    "archived_at": string | null,"between_users": (string)[] | null,"created_at": string,"created_by": string | null,"id": string,"kind": string,"last_seq": number,"name": string,"organization_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "archived_at"?: string | null,"between_users"?: (string)[] | null,"created_at"?: string,"created_by"?: string | null,"id"?: string,"kind": string,"last_seq"?: number,"name"?: string,"organization_id": string
                  }
                  Update: {
                    "archived_at"?: string | null,"between_users"?: (string)[] | null,"created_at"?: string,"created_by"?: string | null,"id"?: string,"kind"?: string,"last_seq"?: number,"name"?: string,"organization_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "rooms_organization_id_created_by_fkey"
      columns: ["organization_id","created_by"]
isOneToOne: false
      referencedRelation: "authors"
      referencedColumns: ["organization_id","user_id"]
    },{
      foreignKeyName: "rooms_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"routing_rules": {
                  Row: {
                    "add_tags": (string)[],"assignee_id": string | null,"conditions": NonNullable<Json>,"created_at": string,"id": string,"is_active": boolean,"is_final": boolean,"name": string,"organization_id": string,"position": number,"priority": Database["public"]['Enums']["ticket_priority"] | null,"team_id": string | null,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "add_tags"?: (string)[],"assignee_id"?: string | null,"conditions"?: NonNullable<Json>,"created_at"?: string,"id"?: string,"is_active"?: boolean,"is_final"?: boolean,"name": string,"organization_id": string,"position"?: number,"priority"?: Database["public"]['Enums']["ticket_priority"] | null,"team_id"?: string | null,"updated_at"?: string
                  }
                  Update: {
                    "add_tags"?: (string)[],"assignee_id"?: string | null,"conditions"?: NonNullable<Json>,"created_at"?: string,"id"?: string,"is_active"?: boolean,"is_final"?: boolean,"name"?: string,"organization_id"?: string,"position"?: number,"priority"?: Database["public"]['Enums']["ticket_priority"] | null,"team_id"?: string | null,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "routing_rules_organization_id_assignee_id_fkey"
      columns: ["organization_id","assignee_id"]
isOneToOne: false
      referencedRelation: "members"
      referencedColumns: ["organization_id","user_id"]
    },{
      foreignKeyName: "routing_rules_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "routing_rules_organization_id_team_id_fkey"
      columns: ["organization_id","team_id"]
isOneToOne: false
      referencedRelation: "teams"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"sensitive_field_reads": {
                  Row: {
                    "contact_id": string,"created_at": string,"field_id": string,"id": string,"member_id": string,"organization_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "contact_id": string,"created_at"?: string,"field_id": string,"id"?: string,"member_id": string,"organization_id": string
                  }
                  Update: {
                    "contact_id"?: string,"created_at"?: string,"field_id"?: string,"id"?: string,"member_id"?: string,"organization_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "sensitive_field_reads_organization_id_contact_id_fkey"
      columns: ["organization_id","contact_id"]
isOneToOne: false
      referencedRelation: "contacts"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "sensitive_field_reads_organization_id_field_id_fkey"
      columns: ["organization_id","field_id"]
isOneToOne: false
      referencedRelation: "custom_fields"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "sensitive_field_reads_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"sensitive_fields": {
                  Row: {
                    "blind_index": string,"contact_id": string,"created_at": string,"field_id": string,"id": string,"key_version": number,"organization_id": string,"sealed": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "blind_index": string,"contact_id": string,"created_at"?: string,"field_id": string,"id": string,"key_version": number,"organization_id": string,"sealed": string,"updated_at"?: string
                  }
                  Update: {
                    "blind_index"?: string,"contact_id"?: string,"created_at"?: string,"field_id"?: string,"id"?: string,"key_version"?: number,"organization_id"?: string,"sealed"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "sensitive_fields_organization_id_contact_id_fkey"
      columns: ["organization_id","contact_id"]
isOneToOne: false
      referencedRelation: "contacts"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "sensitive_fields_organization_id_field_id_fkey"
      columns: ["organization_id","field_id"]
isOneToOne: false
      referencedRelation: "custom_fields"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "sensitive_fields_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"session_events": {
                  Row: {
                    "created_at": string,"id": string,"name": string,"organization_id": string,"seq": number,"session_id": string,"title": string,"url": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"id"?: string,"name"?: string,"organization_id": string,"seq": number,"session_id": string,"title"?: string,"url"?: string | null
                  }
                  Update: {
                    "created_at"?: string,"id"?: string,"name"?: string,"organization_id"?: string,"seq"?: number,"session_id"?: string,"title"?: string,"url"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "session_events_organization_id_session_id_fkey"
      columns: ["organization_id","session_id"]
isOneToOne: false
      referencedRelation: "sessions"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"session_taggings": {
                  Row: {
                    "created_at": string,"created_by": string | null,"organization_id": string,"session_id": string,"tag_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"created_by"?: string | null,"organization_id": string,"session_id": string,"tag_id": string
                  }
                  Update: {
                    "created_at"?: string,"created_by"?: string | null,"organization_id"?: string,"session_id"?: string,"tag_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "session_taggings_organization_id_session_id_fkey"
      columns: ["organization_id","session_id"]
isOneToOne: false
      referencedRelation: "sessions"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "session_taggings_organization_id_tag_id_fkey"
      columns: ["organization_id","tag_id"]
isOneToOne: false
      referencedRelation: "tags"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"sessions": {
                  Row: {
                    "contact_id": string | null,"created_at": string,"ended_at": string | null,"external_id": string | null,"id": string,"landing_page": string | null,"last_seen_at": string,"last_seq": number,"locale": string | null,"organization_id": string,"referrer": string | null,"space_id": string | null,"started_at": string,"user_agent": string | null,"visitor_id": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "contact_id"?: string | null,"created_at"?: string,"ended_at"?: string | null,"external_id"?: string | null,"id"?: string,"landing_page"?: string | null,"last_seen_at"?: string,"last_seq"?: number,"locale"?: string | null,"organization_id": string,"referrer"?: string | null,"space_id"?: string | null,"started_at"?: string,"user_agent"?: string | null,"visitor_id"?: string | null
                  }
                  Update: {
                    "contact_id"?: string | null,"created_at"?: string,"ended_at"?: string | null,"external_id"?: string | null,"id"?: string,"landing_page"?: string | null,"last_seen_at"?: string,"last_seq"?: number,"locale"?: string | null,"organization_id"?: string,"referrer"?: string | null,"space_id"?: string | null,"started_at"?: string,"user_agent"?: string | null,"visitor_id"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "sessions_organization_id_contact_id_fkey"
      columns: ["organization_id","contact_id"]
isOneToOne: false
      referencedRelation: "contacts"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "sessions_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "sessions_organization_id_visitor_id_fkey"
      columns: ["organization_id","visitor_id"]
isOneToOne: false
      referencedRelation: "contacts"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"skills": {
                  Row: {
                    "created_at": string,"id": string,"name": string,"organization_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"id"?: string,"name": string,"organization_id": string
                  }
                  Update: {
                    "created_at"?: string,"id"?: string,"name"?: string,"organization_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "skills_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"sla_clocks": {
                  Row: {
                    "breached_at": string | null,"cycle": number,"due_at": string | null,"metric": string,"organization_id": string,"rules_id": string,"running_since": string | null,"spent": string,"started_at": string,"stopped_at": string | null,"target": string,"ticket_id": string,"warn_at": string | null,"warned_at": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "breached_at"?: string | null,"cycle"?: number,"due_at"?: string | null,"metric": string,"organization_id": string,"rules_id": string,"running_since"?: string | null,"spent": string,"started_at": string,"stopped_at"?: string | null,"target": string,"ticket_id": string,"warn_at"?: string | null,"warned_at"?: string | null
                  }
                  Update: {
                    "breached_at"?: string | null,"cycle"?: number,"due_at"?: string | null,"metric"?: string,"organization_id"?: string,"rules_id"?: string,"running_since"?: string | null,"spent"?: string,"started_at"?: string,"stopped_at"?: string | null,"target"?: string,"ticket_id"?: string,"warn_at"?: string | null,"warned_at"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "sla_clocks_organization_id_ticket_id_fkey"
      columns: ["organization_id","ticket_id"]
isOneToOne: false
      referencedRelation: "tickets"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"sla_policies": {
                  Row: {
                    "ai_counts": boolean,"calendar_id": string | null,"conditions": NonNullable<Json>,"created_at": string,"id": string,"is_active": boolean,"name": string,"organization_id": string,"pauses_while_waiting": boolean,"position": number,"updated_at": string,"warn_after": number
                  }
                  ComputedFields: never
                  Insert: {
                    "ai_counts"?: boolean,"calendar_id"?: string | null,"conditions"?: NonNullable<Json>,"created_at"?: string,"id"?: string,"is_active"?: boolean,"name": string,"organization_id": string,"pauses_while_waiting"?: boolean,"position"?: number,"updated_at"?: string,"warn_after"?: number
                  }
                  Update: {
                    "ai_counts"?: boolean,"calendar_id"?: string | null,"conditions"?: NonNullable<Json>,"created_at"?: string,"id"?: string,"is_active"?: boolean,"name"?: string,"organization_id"?: string,"pauses_while_waiting"?: boolean,"position"?: number,"updated_at"?: string,"warn_after"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "sla_policies_organization_id_calendar_id_fkey"
      columns: ["organization_id","calendar_id"]
isOneToOne: false
      referencedRelation: "calendars"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "sla_policies_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"sla_targets": {
                  Row: {
                    "first_response": string | null,"next_response": string | null,"organization_id": string,"policy_id": string,"priority": Database["public"]['Enums']["ticket_priority"],"resolution": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "first_response"?: string | null,"next_response"?: string | null,"organization_id": string,"policy_id": string,"priority": Database["public"]['Enums']["ticket_priority"],"resolution"?: string | null
                  }
                  Update: {
                    "first_response"?: string | null,"next_response"?: string | null,"organization_id"?: string,"policy_id"?: string,"priority"?: Database["public"]['Enums']["ticket_priority"],"resolution"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "sla_targets_organization_id_policy_id_fkey"
      columns: ["organization_id","policy_id"]
isOneToOne: false
      referencedRelation: "sla_policies"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"tag_jobs": {
                  Row: {
                    "add_tag_ids": (string)[],"after_id": string,"changed": number,"created_at": string,"created_by": string | null,"done": number,"error": string | null,"filter": Json | null,"finished_at": string | null,"id": string,"kind": string,"organization_id": string,"remove_tag_ids": (string)[],"skipped": number,"state": string,"tag_id": string | null,"target": string | null,"total": number,"until_id": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "add_tag_ids"?: (string)[],"after_id"?: string,"changed"?: number,"created_at"?: string,"created_by"?: string | null,"done"?: number,"error"?: string | null,"filter"?: Json | null,"finished_at"?: string | null,"id"?: string,"kind": string,"organization_id": string,"remove_tag_ids"?: (string)[],"skipped"?: number,"state"?: string,"tag_id"?: string | null,"target"?: string | null,"total"?: number,"until_id"?: string,"updated_at"?: string
                  }
                  Update: {
                    "add_tag_ids"?: (string)[],"after_id"?: string,"changed"?: number,"created_at"?: string,"created_by"?: string | null,"done"?: number,"error"?: string | null,"filter"?: Json | null,"finished_at"?: string | null,"id"?: string,"kind"?: string,"organization_id"?: string,"remove_tag_ids"?: (string)[],"skipped"?: number,"state"?: string,"tag_id"?: string | null,"target"?: string | null,"total"?: number,"until_id"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "tag_jobs_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"tags": {
                  Row: {
                    "color": string,"created_at": string,"id": string,"merged_into": string | null,"name": string,"organization_id": string,"parent_id": string | null,"removed_at": string | null,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "color"?: string,"created_at"?: string,"id"?: string,"merged_into"?: string | null,"name": string,"organization_id": string,"parent_id"?: string | null,"removed_at"?: string | null,"updated_at"?: string
                  }
                  Update: {
                    "color"?: string,"created_at"?: string,"id"?: string,"merged_into"?: string | null,"name"?: string,"organization_id"?: string,"parent_id"?: string | null,"removed_at"?: string | null,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "tags_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "tags_organization_id_merged_into_fkey"
      columns: ["organization_id","merged_into"]
isOneToOne: false
      referencedRelation: "tags"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "tags_organization_id_parent_id_fkey"
      columns: ["organization_id","parent_id"]
isOneToOne: false
      referencedRelation: "tags"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"team_members": {
                  Row: {
                    "created_at": string,"organization_id": string,"team_id": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"organization_id": string,"team_id": string,"user_id": string
                  }
                  Update: {
                    "created_at"?: string,"organization_id"?: string,"team_id"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "team_members_organization_id_team_id_fkey"
      columns: ["organization_id","team_id"]
isOneToOne: false
      referencedRelation: "teams"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "team_members_organization_id_user_id_fkey"
      columns: ["organization_id","user_id"]
isOneToOne: false
      referencedRelation: "members"
      referencedColumns: ["organization_id","user_id"]
    }
                  ]
                },"team_skills": {
                  Row: {
                    "created_at": string,"organization_id": string,"skill_id": string,"team_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"organization_id": string,"skill_id": string,"team_id": string
                  }
                  Update: {
                    "created_at"?: string,"organization_id"?: string,"skill_id"?: string,"team_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "team_skills_organization_id_skill_id_fkey"
      columns: ["organization_id","skill_id"]
isOneToOne: false
      referencedRelation: "skills"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "team_skills_organization_id_team_id_fkey"
      columns: ["organization_id","team_id"]
isOneToOne: false
      referencedRelation: "teams"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"teams": {
                  Row: {
                    "assignment": string,"calendar_id": string | null,"created_at": string,"id": string,"name": string,"organization_id": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "assignment"?: string,"calendar_id"?: string | null,"created_at"?: string,"id"?: string,"name": string,"organization_id": string,"updated_at"?: string
                  }
                  Update: {
                    "assignment"?: string,"calendar_id"?: string | null,"created_at"?: string,"id"?: string,"name"?: string,"organization_id"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "teams_organization_id_calendar_id_fkey"
      columns: ["organization_id","calendar_id"]
isOneToOne: false
      referencedRelation: "calendars"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "teams_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"ticket_categories": {
                  Row: {
                    "created_at": string,"id": string,"key": string,"name": string,"organization_id": string,"sensitive": boolean,"skill_id": string | null,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"id"?: string,"key": string,"name": string,"organization_id": string,"sensitive"?: boolean,"skill_id"?: string | null,"updated_at"?: string
                  }
                  Update: {
                    "created_at"?: string,"id"?: string,"key"?: string,"name"?: string,"organization_id"?: string,"sensitive"?: boolean,"skill_id"?: string | null,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "ticket_categories_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "ticket_categories_organization_id_skill_id_fkey"
      columns: ["organization_id","skill_id"]
isOneToOne: false
      referencedRelation: "skills"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"ticket_history": {
                  Row: {
                    "actor_id": string | null,"assignee_id": string | null,"at": string,"category_id": string | null,"organization_id": string,"priority": Database["public"]['Enums']["ticket_priority"],"status": string,"status_category": string,"step": number,"team_id": string | null,"ticket_id": string,"wrote": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "actor_id"?: string | null,"assignee_id"?: string | null,"at"?: string,"category_id"?: string | null,"organization_id": string,"priority": Database["public"]['Enums']["ticket_priority"],"status": string,"status_category": string,"step": number,"team_id"?: string | null,"ticket_id": string,"wrote"?: string | null
                  }
                  Update: {
                    "actor_id"?: string | null,"assignee_id"?: string | null,"at"?: string,"category_id"?: string | null,"organization_id"?: string,"priority"?: Database["public"]['Enums']["ticket_priority"],"status"?: string,"status_category"?: string,"step"?: number,"team_id"?: string | null,"ticket_id"?: string,"wrote"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "ticket_history_organization_id_ticket_id_fkey"
      columns: ["organization_id","ticket_id"]
isOneToOne: false
      referencedRelation: "tickets"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"ticket_links": {
                  Row: {
                    "created_at": string,"created_by": string | null,"kind": string,"organization_id": string,"other_ticket_id": string,"ticket_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"created_by"?: string | null,"kind": string,"organization_id": string,"other_ticket_id": string,"ticket_id": string
                  }
                  Update: {
                    "created_at"?: string,"created_by"?: string | null,"kind"?: string,"organization_id"?: string,"other_ticket_id"?: string,"ticket_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "ticket_links_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "ticket_links_organization_id_other_ticket_id_fkey"
      columns: ["organization_id","other_ticket_id"]
isOneToOne: false
      referencedRelation: "tickets"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "ticket_links_organization_id_ticket_id_fkey"
      columns: ["organization_id","ticket_id"]
isOneToOne: false
      referencedRelation: "tickets"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"ticket_moves": {
                  Row: {
                    "contact_ids": (string)[],"created_at": string,"from_ticket_id": string,"id": string,"kind": string,"links": NonNullable<Json>,"message_ids": (string)[],"moved_by": string | null,"organization_id": string,"status_before": string | null,"tags": (string)[],"to_ticket_id": string,"undone_at": string | null,"undone_by": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "contact_ids"?: (string)[],"created_at"?: string,"from_ticket_id": string,"id"?: string,"kind": string,"links"?: NonNullable<Json>,"message_ids": (string)[],"moved_by"?: string | null,"organization_id": string,"status_before"?: string | null,"tags"?: (string)[],"to_ticket_id": string,"undone_at"?: string | null,"undone_by"?: string | null
                  }
                  Update: {
                    "contact_ids"?: (string)[],"created_at"?: string,"from_ticket_id"?: string,"id"?: string,"kind"?: string,"links"?: NonNullable<Json>,"message_ids"?: (string)[],"moved_by"?: string | null,"organization_id"?: string,"status_before"?: string | null,"tags"?: (string)[],"to_ticket_id"?: string,"undone_at"?: string | null,"undone_by"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "ticket_moves_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "ticket_moves_organization_id_from_ticket_id_fkey"
      columns: ["organization_id","from_ticket_id"]
isOneToOne: false
      referencedRelation: "tickets"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "ticket_moves_organization_id_to_ticket_id_fkey"
      columns: ["organization_id","to_ticket_id"]
isOneToOne: false
      referencedRelation: "tickets"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"ticket_participants": {
                  Row: {
                    "added_by": string | null,"brought_by": string | null,"contact_id": string,"created_at": string,"organization_id": string,"removed_at": string | null,"role": string,"source": string,"ticket_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "added_by"?: string | null,"brought_by"?: string | null,"contact_id": string,"created_at"?: string,"organization_id": string,"removed_at"?: string | null,"role"?: string,"source": string,"ticket_id": string
                  }
                  Update: {
                    "added_by"?: string | null,"brought_by"?: string | null,"contact_id"?: string,"created_at"?: string,"organization_id"?: string,"removed_at"?: string | null,"role"?: string,"source"?: string,"ticket_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "ticket_participants_organization_id_brought_by_fkey"
      columns: ["organization_id","brought_by"]
isOneToOne: false
      referencedRelation: "contacts"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "ticket_participants_organization_id_contact_id_fkey"
      columns: ["organization_id","contact_id"]
isOneToOne: false
      referencedRelation: "contacts"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "ticket_participants_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "ticket_participants_organization_id_ticket_id_fkey"
      columns: ["organization_id","ticket_id"]
isOneToOne: false
      referencedRelation: "tickets"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"ticket_reads": {
                  Row: {
                    "organization_id": string,"read_at": string,"seq": number,"ticket_id": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "organization_id": string,"read_at"?: string,"seq": number,"ticket_id": string,"user_id": string
                  }
                  Update: {
                    "organization_id"?: string,"read_at"?: string,"seq"?: number,"ticket_id"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "ticket_reads_organization_id_ticket_id_fkey"
      columns: ["organization_id","ticket_id"]
isOneToOne: false
      referencedRelation: "tickets"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "ticket_reads_organization_id_user_id_fkey"
      columns: ["organization_id","user_id"]
isOneToOne: false
      referencedRelation: "members"
      referencedColumns: ["organization_id","user_id"]
    }
                  ]
                },"ticket_routings": {
                  Row: {
                    "at": string,"conditions": NonNullable<Json>,"moment": string,"organization_id": string,"rule": string,"rule_id": string,"ticket_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "at"?: string,"conditions": NonNullable<Json>,"moment": string,"organization_id": string,"rule": string,"rule_id": string,"ticket_id": string
                  }
                  Update: {
                    "at"?: string,"conditions"?: NonNullable<Json>,"moment"?: string,"organization_id"?: string,"rule"?: string,"rule_id"?: string,"ticket_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "ticket_routings_organization_id_rule_id_fkey"
      columns: ["organization_id","rule_id"]
isOneToOne: false
      referencedRelation: "routing_rules"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "ticket_routings_organization_id_ticket_id_fkey"
      columns: ["organization_id","ticket_id"]
isOneToOne: false
      referencedRelation: "tickets"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"ticket_statuses": {
                  Row: {
                    "category": Database["public"]['Enums']["status_category"],"created_at": string,"key": string,"name": string,"organization_id": string,"position": number
                  }
                  ComputedFields: never
                  Insert: {
                    "category": Database["public"]['Enums']["status_category"],"created_at"?: string,"key": string,"name": string,"organization_id": string,"position"?: number
                  }
                  Update: {
                    "category"?: Database["public"]['Enums']["status_category"],"created_at"?: string,"key"?: string,"name"?: string,"organization_id"?: string,"position"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "ticket_statuses_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"ticket_tags": {
                  Row: {
                    "created_at": string,"organization_id": string,"tag_id": string,"ticket_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"organization_id": string,"tag_id": string,"ticket_id": string
                  }
                  Update: {
                    "created_at"?: string,"organization_id"?: string,"tag_id"?: string,"ticket_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "ticket_tags_organization_id_tag_id_fkey"
      columns: ["organization_id","tag_id"]
isOneToOne: false
      referencedRelation: "tags"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "ticket_tags_organization_id_ticket_id_fkey"
      columns: ["organization_id","ticket_id"]
isOneToOne: false
      referencedRelation: "tickets"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"ticket_views": {
                  Row: {
                    "ascending": boolean,"columns": (string)[],"conditions": NonNullable<Json>,"created_at": string,"id": string,"name": string,"organization_id": string,"position": number,"sort": string,"team_id": string | null,"updated_at": string,"user_id": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "ascending"?: boolean,"columns"?: (string)[],"conditions"?: NonNullable<Json>,"created_at"?: string,"id"?: string,"name": string,"organization_id": string,"position"?: number,"sort"?: string,"team_id"?: string | null,"updated_at"?: string,"user_id"?: string | null
                  }
                  Update: {
                    "ascending"?: boolean,"columns"?: (string)[],"conditions"?: NonNullable<Json>,"created_at"?: string,"id"?: string,"name"?: string,"organization_id"?: string,"position"?: number,"sort"?: string,"team_id"?: string | null,"updated_at"?: string,"user_id"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "ticket_views_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "ticket_views_organization_id_team_id_fkey"
      columns: ["organization_id","team_id"]
isOneToOne: false
      referencedRelation: "teams"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "ticket_views_organization_id_user_id_fkey"
      columns: ["organization_id","user_id"]
isOneToOne: false
      referencedRelation: "members"
      referencedColumns: ["organization_id","user_id"]
    }
                  ]
                },"tickets": {
                  Row: {
                    "ai_state": string,"assignee_id": string | null,"category_id": string | null,"channel": Database["public"]['Enums']["ticket_channel"],"contact_id": string,"created_at": string,"erased_at": string | null,"fields": NonNullable<Json>,"first_responded_at": string | null,"first_response_due_at": string | null,"id": string,"is_spam": boolean,"language": string | null,"last_answer_at": string | null,"last_answer_by": string | null,"last_contact_at": string | null,"last_message_at": string,"last_seq": number,"mail_address_id": string | null,"merged_into": string | null,"next_response_due_at": string | null,"number": number,"organization_id": string,"priority": Database["public"]['Enums']["ticket_priority"],"resolution_due_at": string | null,"resolved_at": string | null,"sentiment": string | null,"set_by_member": (string)[],"snoozed_by": string | null,"snoozed_until": string | null,"status": string,"status_category": string,"subject": string,"tags": (string)[],"team_id": string | null,"updated_at": string,"preview": string | null,"unread": number | null
                  }
                  ComputedFields: "preview" | "unread"
                  Insert: {
                    "ai_state"?: string,"assignee_id"?: string | null,"category_id"?: string | null,"channel": Database["public"]['Enums']["ticket_channel"],"contact_id": string,"created_at"?: string,"erased_at"?: string | null,"fields"?: NonNullable<Json>,"first_responded_at"?: string | null,"first_response_due_at"?: string | null,"id"?: string,"is_spam"?: boolean,"language"?: string | null,"last_answer_at"?: string | null,"last_answer_by"?: string | null,"last_contact_at"?: string | null,"last_message_at"?: string,"last_seq"?: number,"mail_address_id"?: string | null,"merged_into"?: string | null,"next_response_due_at"?: string | null,"number": number,"organization_id": string,"priority"?: Database["public"]['Enums']["ticket_priority"],"resolution_due_at"?: string | null,"resolved_at"?: string | null,"sentiment"?: string | null,"set_by_member"?: (string)[],"snoozed_by"?: string | null,"snoozed_until"?: string | null,"status"?: string,"status_category"?: string,"subject"?: string,"tags"?: (string)[],"team_id"?: string | null,"updated_at"?: string
                  }
                  Update: {
                    "ai_state"?: string,"assignee_id"?: string | null,"category_id"?: string | null,"channel"?: Database["public"]['Enums']["ticket_channel"],"contact_id"?: string,"created_at"?: string,"erased_at"?: string | null,"fields"?: NonNullable<Json>,"first_responded_at"?: string | null,"first_response_due_at"?: string | null,"id"?: string,"is_spam"?: boolean,"language"?: string | null,"last_answer_at"?: string | null,"last_answer_by"?: string | null,"last_contact_at"?: string | null,"last_message_at"?: string,"last_seq"?: number,"mail_address_id"?: string | null,"merged_into"?: string | null,"next_response_due_at"?: string | null,"number"?: number,"organization_id"?: string,"priority"?: Database["public"]['Enums']["ticket_priority"],"resolution_due_at"?: string | null,"resolved_at"?: string | null,"sentiment"?: string | null,"set_by_member"?: (string)[],"snoozed_by"?: string | null,"snoozed_until"?: string | null,"status"?: string,"status_category"?: string,"subject"?: string,"tags"?: (string)[],"team_id"?: string | null,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "tickets_organization_id_assignee_id_fkey"
      columns: ["organization_id","assignee_id"]
isOneToOne: false
      referencedRelation: "authors"
      referencedColumns: ["organization_id","user_id"]
    },{
      foreignKeyName: "tickets_organization_id_category_id_fkey"
      columns: ["organization_id","category_id"]
isOneToOne: false
      referencedRelation: "ticket_categories"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "tickets_organization_id_contact_id_fkey"
      columns: ["organization_id","contact_id"]
isOneToOne: false
      referencedRelation: "contacts"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "tickets_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "tickets_organization_id_mail_address_id_fkey"
      columns: ["organization_id","mail_address_id"]
isOneToOne: false
      referencedRelation: "mail_addresses"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "tickets_organization_id_merged_into_fkey"
      columns: ["organization_id","merged_into"]
isOneToOne: false
      referencedRelation: "tickets"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "tickets_organization_id_status_fkey"
      columns: ["organization_id","status"]
isOneToOne: false
      referencedRelation: "ticket_statuses"
      referencedColumns: ["organization_id","key"]
    },{
      foreignKeyName: "tickets_organization_id_team_id_fkey"
      columns: ["organization_id","team_id"]
isOneToOne: false
      referencedRelation: "teams"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"triage_examples": {
                  Row: {
                    "category_id": string,"created_at": string,"embedding": string | null,"id": string,"learned_at": string,"lexical": unknown,"model": string | null,"organization_id": string,"source": string,"text": string,"ticket_id": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "category_id": string,"created_at"?: string,"embedding"?: string | null,"id"?: string,"learned_at"?: string,"lexical"?: unknown,"model"?: string | null,"organization_id": string,"source"?: string,"text": string,"ticket_id"?: string | null
                  }
                  Update: {
                    "category_id"?: string,"created_at"?: string,"embedding"?: string | null,"id"?: string,"learned_at"?: string,"lexical"?: unknown,"model"?: string | null,"organization_id"?: string,"source"?: string,"text"?: string,"ticket_id"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "triage_examples_organization_id_category_id_fkey"
      columns: ["organization_id","category_id"]
isOneToOne: false
      referencedRelation: "ticket_categories"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "triage_examples_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "triage_examples_organization_id_ticket_id_fkey"
      columns: ["organization_id","ticket_id"]
isOneToOne: true
      referencedRelation: "tickets"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"triage_results": {
                  Row: {
                    "abstained": boolean,"category_id": string | null,"confidence": number,"created_at": string,"embedding": string,"evidence": (string)[],"id": string,"injection": boolean,"is_spam": boolean,"language": string | null,"lexical": unknown,"message_id": string,"model": string,"ms": number,"organization_id": string,"priority": Database["public"]['Enums']["ticket_priority"],"ranking": NonNullable<Json>,"sensitive": (string)[],"sentiment": string,"signals": NonNullable<Json>,"text": string,"ticket_id": string,"wants_human": boolean
                  }
                  ComputedFields: never
                  Insert: {
                    "abstained": boolean,"category_id"?: string | null,"confidence"?: number,"created_at"?: string,"embedding": string,"evidence"?: (string)[],"id"?: string,"injection": boolean,"is_spam": boolean,"language"?: string | null,"lexical": unknown,"message_id": string,"model": string,"ms": number,"organization_id": string,"priority": Database["public"]['Enums']["ticket_priority"],"ranking"?: NonNullable<Json>,"sensitive"?: (string)[],"sentiment": string,"signals": NonNullable<Json>,"text": string,"ticket_id": string,"wants_human": boolean
                  }
                  Update: {
                    "abstained"?: boolean,"category_id"?: string | null,"confidence"?: number,"created_at"?: string,"embedding"?: string,"evidence"?: (string)[],"id"?: string,"injection"?: boolean,"is_spam"?: boolean,"language"?: string | null,"lexical"?: unknown,"message_id"?: string,"model"?: string,"ms"?: number,"organization_id"?: string,"priority"?: Database["public"]['Enums']["ticket_priority"],"ranking"?: NonNullable<Json>,"sensitive"?: (string)[],"sentiment"?: string,"signals"?: NonNullable<Json>,"text"?: string,"ticket_id"?: string,"wants_human"?: boolean
                  }
                  Relationships: [
                    {
      foreignKeyName: "triage_results_organization_id_category_id_fkey"
      columns: ["organization_id","category_id"]
isOneToOne: false
      referencedRelation: "ticket_categories"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "triage_results_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "triage_results_organization_id_message_id_fkey"
      columns: ["organization_id","message_id"]
isOneToOne: true
      referencedRelation: "messages"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "triage_results_organization_id_ticket_id_fkey"
      columns: ["organization_id","ticket_id"]
isOneToOne: false
      referencedRelation: "tickets"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"visitors": {
                  Row: {
                    "contact_id": string,"created_at": string,"email": string | null,"id": string,"is_identified": boolean,"organization_id": string,"seen_at": string,"widget_id": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "contact_id": string,"created_at"?: string,"email"?: string | null,"id": string,"is_identified"?: boolean,"organization_id": string,"seen_at"?: string,"widget_id"?: string | null
                  }
                  Update: {
                    "contact_id"?: string,"created_at"?: string,"email"?: string | null,"id"?: string,"is_identified"?: boolean,"organization_id"?: string,"seen_at"?: string,"widget_id"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "visitors_organization_id_contact_id_fkey"
      columns: ["organization_id","contact_id"]
isOneToOne: false
      referencedRelation: "contacts"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "visitors_organization_id_widget_id_fkey"
      columns: ["organization_id","widget_id"]
isOneToOne: false
      referencedRelation: "chat_widgets"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"webhook_attempts": {
                  Row: {
                    "delivery_id": string,"error": string | null,"id": string,"ms": number,"organization_id": string,"response": string | null,"started_at": string,"status": number | null
                  }
                  ComputedFields: never
                  Insert: {
                    "delivery_id": string,"error"?: string | null,"id"?: string,"ms": number,"organization_id": string,"response"?: string | null,"started_at": string,"status"?: number | null
                  }
                  Update: {
                    "delivery_id"?: string,"error"?: string | null,"id"?: string,"ms"?: number,"organization_id"?: string,"response"?: string | null,"started_at"?: string,"status"?: number | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "webhook_attempts_organization_id_delivery_id_fkey"
      columns: ["organization_id","delivery_id"]
isOneToOne: false
      referencedRelation: "webhook_deliveries"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"webhook_deliveries": {
                  Row: {
                    "created_at": string,"delivered_at": string | null,"endpoint_id": string,"error": string | null,"event_id": string | null,"event_type": string,"id": string,"next_attempt_at": string | null,"organization_id": string,"payload": string,"state": Database["public"]['Enums']["webhook_state"],"status": number | null,"trace_id": string | null,"tries": number
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"delivered_at"?: string | null,"endpoint_id": string,"error"?: string | null,"event_id"?: string | null,"event_type": string,"id"?: string,"next_attempt_at"?: string | null,"organization_id": string,"payload": string,"state"?: Database["public"]['Enums']["webhook_state"],"status"?: number | null,"trace_id"?: string | null,"tries"?: number
                  }
                  Update: {
                    "created_at"?: string,"delivered_at"?: string | null,"endpoint_id"?: string,"error"?: string | null,"event_id"?: string | null,"event_type"?: string,"id"?: string,"next_attempt_at"?: string | null,"organization_id"?: string,"payload"?: string,"state"?: Database["public"]['Enums']["webhook_state"],"status"?: number | null,"trace_id"?: string | null,"tries"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "webhook_deliveries_organization_id_endpoint_id_fkey"
      columns: ["organization_id","endpoint_id"]
isOneToOne: false
      referencedRelation: "webhook_endpoints"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"webhook_endpoints": {
                  Row: {
                    "created_at": string,"created_by": string | null,"description": string,"disabled_at": string | null,"disabled_because": string | null,"event_types": (string)[],"has_data": boolean,"id": string,"is_ordered": boolean,"organization_id": string,"updated_at": string,"url": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"created_by"?: string | null,"description"?: string,"disabled_at"?: string | null,"disabled_because"?: string | null,"event_types"?: (string)[],"has_data"?: boolean,"id"?: string,"is_ordered"?: boolean,"organization_id": string,"updated_at"?: string,"url": string
                  }
                  Update: {
                    "created_at"?: string,"created_by"?: string | null,"description"?: string,"disabled_at"?: string | null,"disabled_because"?: string | null,"event_types"?: (string)[],"has_data"?: boolean,"id"?: string,"is_ordered"?: boolean,"organization_id"?: string,"updated_at"?: string,"url"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "webhook_endpoints_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"webhook_health": {
                  Row: {
                    "busy_until": string | null,"endpoint_id": string,"failing_since": string | null,"failures": number,"last_failure_at": string | null,"last_success_at": string | null,"organization_id": string,"paused_because": string | null,"paused_until": string | null,"pauses": number,"queued_until": string | null,"worker": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "busy_until"?: string | null,"endpoint_id": string,"failing_since"?: string | null,"failures"?: number,"last_failure_at"?: string | null,"last_success_at"?: string | null,"organization_id": string,"paused_because"?: string | null,"paused_until"?: string | null,"pauses"?: number,"queued_until"?: string | null,"worker"?: string | null
                  }
                  Update: {
                    "busy_until"?: string | null,"endpoint_id"?: string,"failing_since"?: string | null,"failures"?: number,"last_failure_at"?: string | null,"last_success_at"?: string | null,"organization_id"?: string,"paused_because"?: string | null,"paused_until"?: string | null,"pauses"?: number,"queued_until"?: string | null,"worker"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "webhook_health_organization_id_endpoint_id_fkey"
      columns: ["organization_id","endpoint_id"]
isOneToOne: false
      referencedRelation: "webhook_endpoints"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                }
          }
          Views: {
            "session_tags": {
                  Row: {
                    "contact_id": string | null,"created_at": string | null,"organization_id": string | null,"session_id": string | null,"source": string | null,"tag_id": string | null
                  }
                  ComputedFields: never
                  Relationships: [
                    
                  ]
                }
          }
          Functions: {
            "accept_draft":
{ Args: { "body"?: string,"draft_id": string,"expected_seq": number }; Returns: {
              "body_html": string | null,
"body_text": string,
"contact_id": string | null,
"created_at": string,
"id": string,
"is_internal": boolean,
"is_machine": boolean,
"is_verified": boolean,
"member_id": string | null,
"message_id_header": string | null,
"organization_id": string,
"process": boolean,
"reply_text": string | null,
"sender": Database["public"]['Enums']["message_sender"],
"sender_status": string,
"seq": number,
"ticket_id": string,
"wants_person": boolean
            }
                          SetofOptions: {
        from: "*"
        to: "messages"
        isOneToOne: true
        isSetofReturn: false
      } },
"accept_invitation":
{ Args: { "invitation_id": string }; Returns: string
                           },
"add_participant":
{ Args: { "contact_id"?: string,"email"?: string,"name"?: string,"role"?: string,"ticket_id": string }; Returns: {
              "added_by": string | null,
"brought_by": string | null,
"contact_id": string,
"created_at": string,
"organization_id": string,
"removed_at": string | null,
"role": string,
"source": string,
"ticket_id": string
            }
                          SetofOptions: {
        from: "*"
        to: "ticket_participants"
        isOneToOne: true
        isSetofReturn: false
      } },
"ai_report":
{ Args: { "organization_id": string,"since": string,"until": string }; Returns: Json
                           },
"archive_article":
{ Args: { "article_id": string }; Returns: {
              "category_id": string | null,
"created_at": string,
"current_version_id": string | null,
"id": string,
"language": string,
"organization_id": string,
"published_at": string | null,
"slug": string,
"status": Database["public"]['Enums']["article_status"],
"updated_at": string
            }
                          SetofOptions: {
        from: "*"
        to: "articles"
        isOneToOne: true
        isSetofReturn: false
      } },
"attach_files":
{ Args: { "files": (string)[],"message_id": string }; Returns: {
              "bytes": number,
"content_id": string | null,
"content_type": string,
"created_at": string,
"detected_type": string | null,
"file_name": string,
"id": string,
"is_inline": boolean,
"message_id": string,
"organization_id": string,
"sha256": string | null,
"storage_path": string,
"thumbnail_path": string | null,
"ticket_id": string,
"uploaded_by": string | null,
"verdict": string,
"verdict_because": string | null
            }[]
                          SetofOptions: {
        from: "*"
        to: "attachments"
        isOneToOne: false
        isSetofReturn: true
      } },
"backlog":
{ Args: { "by"?: string,"key"?: string,"organization_id": string }; Returns: Database["public"]['CompositeTypes']["backlog_row"][]
                          SetofOptions: {
        from: "*"
        to: "backlog_row"
        isOneToOne: false
        isSetofReturn: true
      } },
"become_contact":
{ Args: { "organization_id": string }; Returns: string
                           },
"bulk_tag":
{ Args: { "add_tags"?: (string)[],"filter": Json,"organization_id": string,"remove_tags"?: (string)[],"target": string }; Returns: {
              "add_tag_ids": (string)[],
"after_id": string,
"changed": number,
"created_at": string,
"created_by": string | null,
"done": number,
"error": string | null,
"filter": Json | null,
"finished_at": string | null,
"id": string,
"kind": string,
"organization_id": string,
"remove_tag_ids": (string)[],
"skipped": number,
"state": string,
"tag_id": string | null,
"target": string | null,
"total": number,
"until_id": string,
"updated_at": string
            }
                          SetofOptions: {
        from: "*"
        to: "tag_jobs"
        isOneToOne: true
        isSetofReturn: false
      } },
"cancel_form":
{ Args: { "form_id": string }; Returns: {
              "answer_id": string | null,
"answered_at": string | null,
"answers": Json | null,
"contact_id": string,
"created_at": string,
"expires_at": string,
"fields": NonNullable<Json>,
"id": string,
"message_id": string,
"organization_id": string,
"status": string,
"template_id": string | null,
"ticket_id": string,
"title": string
            }
                          SetofOptions: {
        from: "*"
        to: "action_forms"
        isOneToOne: true
        isSetofReturn: false
      } },
"cancel_tag_job":
{ Args: { "job_id": string }; Returns: {
              "add_tag_ids": (string)[],
"after_id": string,
"changed": number,
"created_at": string,
"created_by": string | null,
"done": number,
"error": string | null,
"filter": Json | null,
"finished_at": string | null,
"id": string,
"kind": string,
"organization_id": string,
"remove_tag_ids": (string)[],
"skipped": number,
"state": string,
"tag_id": string | null,
"target": string | null,
"total": number,
"until_id": string,
"updated_at": string
            }
                          SetofOptions: {
        from: "*"
        to: "tag_jobs"
        isOneToOne: true
        isSetofReturn: false
      } },
"capture_message":
{ Args: { "body": string,"channel"?: Database["public"]['Enums']["ticket_channel"],"conversation"?: string,"email"?: string,"external_id"?: string,"name"?: string,"process"?: boolean,"sender"?: string,"session_id"?: string,"space_id": string }; Returns: Json
                           },
"chat_context":
{ Args: { "email"?: string,"session_id"?: string,"space_id": string }; Returns: Json
                           },
"correct_triage":
{ Args: { "category_id": string,"priority"?: Database["public"]['Enums']["ticket_priority"],"team_id"?: string,"ticket_id": string }; Returns: {
              "ai_state": string,
"assignee_id": string | null,
"category_id": string | null,
"channel": Database["public"]['Enums']["ticket_channel"],
"contact_id": string,
"created_at": string,
"erased_at": string | null,
"fields": NonNullable<Json>,
"first_responded_at": string | null,
"first_response_due_at": string | null,
"id": string,
"is_spam": boolean,
"language": string | null,
"last_answer_at": string | null,
"last_answer_by": string | null,
"last_contact_at": string | null,
"last_message_at": string,
"last_seq": number,
"mail_address_id": string | null,
"merged_into": string | null,
"next_response_due_at": string | null,
"number": number,
"organization_id": string,
"priority": Database["public"]['Enums']["ticket_priority"],
"resolution_due_at": string | null,
"resolved_at": string | null,
"sentiment": string | null,
"set_by_member": (string)[],
"snoozed_by": string | null,
"snoozed_until": string | null,
"status": string,
"status_category": string,
"subject": string,
"tags": (string)[],
"team_id": string | null,
"updated_at": string
            }
                          SetofOptions: {
        from: "*"
        to: "tickets"
        isOneToOne: true
        isSetofReturn: false
      } },
"create_api_key":
{ Args: { "expires_at"?: string,"name": string,"organization_id": string,"role"?: Database["public"]['Enums']["member_role"],"scopes": (string)[] }; Returns: Json
                           },
"create_article":
{ Args: { "body": string,"category_id"?: string,"language"?: string,"organization_id": string,"slug"?: string,"title": string }; Returns: {
              "category_id": string | null,
"created_at": string,
"current_version_id": string | null,
"id": string,
"language": string,
"organization_id": string,
"published_at": string | null,
"slug": string,
"status": Database["public"]['Enums']["article_status"],
"updated_at": string
            }
                          SetofOptions: {
        from: "*"
        to: "articles"
        isOneToOne: true
        isSetofReturn: false
      } },
"create_organization":
{ Args: { "name": string,"slug": string }; Returns: {
              "ai_mode": string,
"ai_threshold": number,
"ask_csat_after": string | null,
"close_after": string | null,
"created_at": string,
"file_types": (string)[] | null,
"id": string,
"language": string,
"mail_chat_after": string | null,
"name": string,
"plan": string,
"reopen_closed": boolean,
"reopen_for": string,
"reopen_within": string | null,
"require_mfa": boolean,
"settings": NonNullable<Json>,
"slug": string,
"solve_after": string | null,
"thanks_stay_solved": boolean,
"updated_at": string
            }
                          SetofOptions: {
        from: "*"
        to: "organizations"
        isOneToOne: true
        isSetofReturn: false
      } },
"dead_jobs":
{ Args: { "organization_id": string }; Returns: {
              "attempt": number,"consumer": string,"created_at": string,"error": string,"finished_at": string,"id": string,"payload": Json
            }[]
                           },
"delete_tag":
{ Args: { "tag_id": string }; Returns: {
              "add_tag_ids": (string)[],
"after_id": string,
"changed": number,
"created_at": string,
"created_by": string | null,
"done": number,
"error": string | null,
"filter": Json | null,
"finished_at": string | null,
"id": string,
"kind": string,
"organization_id": string,
"remove_tag_ids": (string)[],
"skipped": number,
"state": string,
"tag_id": string | null,
"target": string | null,
"total": number,
"until_id": string,
"updated_at": string
            }
                          SetofOptions: {
        from: "*"
        to: "tag_jobs"
        isOneToOne: true
        isSetofReturn: false
      } },
"dismiss_duplicate":
{ Args: { "contact_id": string,"other_id": string }; Returns: undefined
                           },
"duplicate_contacts":
{ Args: { "max_pairs"?: number,"of_contact"?: string,"organization_id": string }; Returns: {
              "contact_id": string,"other_id": string,"reasons": (string)[],"score": number
            }[]
                           },
"edit_room_message":
{ Args: { "body"?: string,"message_id": string }; Returns: {
              "body": string,
"created_at": string,
"deleted_at": string | null,
"edited_at": string | null,
"id": string,
"organization_id": string,
"room_id": string,
"seq": number,
"user_id": string | null
            }
                          SetofOptions: {
        from: "*"
        to: "room_messages"
        isOneToOne: true
        isSetofReturn: false
      } },
"end_session":
{ Args: { "session_id": string }; Returns: string
                           },
"event_types":
{ Args: Record<PropertyKey, never>; Returns: {
              "audience": string,"example": Json,"happens": string,"properties": Json,"subject": string,"type": string
            }[]
                           },
"events_since":
{ Args: { "cursor"?: string,"max_events"?: number,"organization_id": string }; Returns: Json
                           },
"explain_assignment":
{ Args: { "ticket_id": string }; Returns: Json
                           },
"explain_sla":
{ Args: { "ticket_id": string }; Returns: {
              "counted": string,"cycle": number,"ends": string,"metric": string,"policy": string,"starts": string,"state": string,"target": string
            }[]
                           },
"fill_text":
{ Args: { "body": string,"ticket_id": string }; Returns: string
                           },
"filter_tickets":
{ Args: { "after"?: Json,"ascending"?: boolean,"conditions": Json,"max_tickets"?: number,"organization_id": string,"sort"?: string }; Returns: {
              "ai_state": string,
"assignee_id": string | null,
"category_id": string | null,
"channel": Database["public"]['Enums']["ticket_channel"],
"contact_id": string,
"created_at": string,
"erased_at": string | null,
"fields": NonNullable<Json>,
"first_responded_at": string | null,
"first_response_due_at": string | null,
"id": string,
"is_spam": boolean,
"language": string | null,
"last_answer_at": string | null,
"last_answer_by": string | null,
"last_contact_at": string | null,
"last_message_at": string,
"last_seq": number,
"mail_address_id": string | null,
"merged_into": string | null,
"next_response_due_at": string | null,
"number": number,
"organization_id": string,
"priority": Database["public"]['Enums']["ticket_priority"],
"resolution_due_at": string | null,
"resolved_at": string | null,
"sentiment": string | null,
"set_by_member": (string)[],
"snoozed_by": string | null,
"snoozed_until": string | null,
"status": string,
"status_category": string,
"subject": string,
"tags": (string)[],
"team_id": string | null,
"updated_at": string
            }[]
                          SetofOptions: {
        from: "*"
        to: "tickets"
        isOneToOne: false
        isSetofReturn: true
      } },
"find_contact":
{ Args: { "email"?: string,"external_id"?: string,"organization_id": string,"system"?: string }; Returns: {
              "company_id": string | null,
"consent_source": string | null,
"created_at": string,
"email": string | null,
"erased_at": string | null,
"fields": NonNullable<Json>,
"id": string,
"language": string | null,
"merged_into": string | null,
"name": string,
"organization_id": string,
"phone": string | null,
"source": string,
"subscription_changed_at": string | null,
"subscription_changed_by": string | null,
"subscription_status": string,
"suppressed_at": string | null,
"suppressed_because": string | null,
"updated_at": string
            }[]
                          SetofOptions: {
        from: "*"
        to: "contacts"
        isOneToOne: false
        isSetofReturn: true
      } },
"help_centre":
{ Args: { "slug": string }; Returns: {
              "asks_rating": boolean,"brand_color": string,"id": string,"language": string,"logo_url": string,"name": string,"slug": string,"takes_tickets": boolean
            }[]
                           },
"inspect_again":
{ Args: { "attachment_id": string }; Returns: {
              "bytes": number,
"content_id": string | null,
"content_type": string,
"created_at": string,
"detected_type": string | null,
"file_name": string,
"id": string,
"is_inline": boolean,
"message_id": string,
"organization_id": string,
"sha256": string | null,
"storage_path": string,
"thumbnail_path": string | null,
"ticket_id": string,
"uploaded_by": string | null,
"verdict": string,
"verdict_because": string | null
            }
                          SetofOptions: {
        from: "*"
        to: "attachments"
        isOneToOne: true
        isSetofReturn: false
      } },
"join_room":
{ Args: { "room_id": string,"user_id"?: string }; Returns: undefined
                           },
"journey":
{ Args: { "contact_id": string,"cursor"?: string,"max_entries"?: number }; Returns: Json
                           },
"leave_address":
{ Args: { "email": string,"name"?: string }; Returns: undefined
                           },
"leave_organization":
{ Args: { "hand_over_to"?: string,"organization_id": string }; Returns: number
                           },
"leave_room":
{ Args: { "room_id": string }; Returns: undefined
                           },
"log_export":
{ Args: { "organization_id": string,"row_count"?: number,"what": string }; Returns: undefined
                           },
"mail_status":
{ Args: { "invitation": Omit<Database["public"]['Tables']["invitations"]['Row'], Database["public"]['Tables']["invitations"]['ComputedFields']> }; Returns: string
                           },
"mark_read":
{ Args: { "seq"?: number,"ticket_id": string,"unread"?: boolean }; Returns: number
                           },
"mark_seen":
{ Args: { "seq"?: number,"ticket_id": string }; Returns: number
                           },
"merge_contacts":
{ Args: { "loser_ids": (string)[],"share"?: boolean,"winner_id": string }; Returns: {
              "created_at": string,
"filled": NonNullable<Json>,
"id": string,
"loser_email": string | null,
"loser_id": string,
"loser_name": string,
"merged_by": string | null,
"moved": NonNullable<Json>,
"organization_id": string,
"undone_at": string | null,
"undone_by": string | null,
"winner_id": string
            }[]
                          SetofOptions: {
        from: "*"
        to: "contact_merges"
        isOneToOne: false
        isSetofReturn: true
      } },
"merge_tags":
{ Args: { "into_tag_id": string,"tag_id": string }; Returns: {
              "add_tag_ids": (string)[],
"after_id": string,
"changed": number,
"created_at": string,
"created_by": string | null,
"done": number,
"error": string | null,
"filter": Json | null,
"finished_at": string | null,
"id": string,
"kind": string,
"organization_id": string,
"remove_tag_ids": (string)[],
"skipped": number,
"state": string,
"tag_id": string | null,
"target": string | null,
"total": number,
"until_id": string,
"updated_at": string
            }
                          SetofOptions: {
        from: "*"
        to: "tag_jobs"
        isOneToOne: true
        isSetofReturn: false
      } },
"merge_tickets":
{ Args: { "into_ticket_id": string,"share"?: boolean,"ticket_ids": (string)[] }; Returns: {
              "contact_ids": (string)[],
"created_at": string,
"from_ticket_id": string,
"id": string,
"kind": string,
"links": NonNullable<Json>,
"message_ids": (string)[],
"moved_by": string | null,
"organization_id": string,
"status_before": string | null,
"tags": (string)[],
"to_ticket_id": string,
"undone_at": string | null,
"undone_by": string | null
            }[]
                          SetofOptions: {
        from: "*"
        to: "ticket_moves"
        isOneToOne: false
        isSetofReturn: true
      } },
"metrics":
{ Args: { "by"?: string,"key"?: string,"organization_id": string,"per"?: string,"since": string,"until": string }; Returns: Database["public"]['CompositeTypes']["metrics_row"][]
                          SetofOptions: {
        from: "*"
        to: "metrics_row"
        isOneToOne: false
        isSetofReturn: true
      } },
"move_tag":
{ Args: { "parent_id"?: string,"tag_id": string }; Returns: {
              "color": string,
"created_at": string,
"id": string,
"merged_into": string | null,
"name": string,
"organization_id": string,
"parent_id": string | null,
"removed_at": string | null,
"updated_at": string
            }
                          SetofOptions: {
        from: "*"
        to: "tags"
        isOneToOne: true
        isSetofReturn: false
      } },
"my_desks":
{ Args: Record<PropertyKey, never>; Returns: {
              "id": string,"language": string,"name": string,"slug": string
            }[]
                           },
"my_invitations":
{ Args: Record<PropertyKey, never>; Returns: {
              "expires_at": string,"id": string,"organization": string,"role": Database["public"]['Enums']["member_role"]
            }[]
                           },
"my_memberships":
{ Args: Record<PropertyKey, never>; Returns: {
              "name": string,"needs_mfa": boolean,"organization_id": string,"role": Database["public"]['Enums']["member_role"],"slug": string,"unread_mine": number,"unread_unassigned": number
            }[]
                           },
"my_profiles":
{ Args: Record<PropertyKey, never>; Returns: {
              "contact_id": string,"email": string,"is_subscribed": boolean,"language": string,"name": string,"organization_id": string,"phone": string
            }[]
                           },
"notification_choices":
{ Args: { "organization_id": string }; Returns: {
              "happens": string,"in_app": boolean,"is_default": boolean,"kind": string,"mail": string
            }[]
                           },
"notification_counts":
{ Args: { "organization_id": string }; Returns: {
              "unread": number,"unseen": number
            }[]
                           },
"open_room":
{ Args: { "kind"?: string,"name"?: string,"organization_id": string,"user_ids"?: (string)[] }; Returns: {
              "archived_at": string | null,
"between_users": (string)[] | null,
"created_at": string,
"created_by": string | null,
"id": string,
"kind": string,
"last_seq": number,
"name": string,
"organization_id": string
            }
                          SetofOptions: {
        from: "*"
        to: "rooms"
        isOneToOne: true
        isSetofReturn: false
      } },
"open_ticket":
{ Args: { "body": string,"channel"?: Database["public"]['Enums']["ticket_channel"],"contact_id"?: string,"organization_id": string,"subject": string }; Returns: {
              "ai_state": string,
"assignee_id": string | null,
"category_id": string | null,
"channel": Database["public"]['Enums']["ticket_channel"],
"contact_id": string,
"created_at": string,
"erased_at": string | null,
"fields": NonNullable<Json>,
"first_responded_at": string | null,
"first_response_due_at": string | null,
"id": string,
"is_spam": boolean,
"language": string | null,
"last_answer_at": string | null,
"last_answer_by": string | null,
"last_contact_at": string | null,
"last_message_at": string,
"last_seq": number,
"mail_address_id": string | null,
"merged_into": string | null,
"next_response_due_at": string | null,
"number": number,
"organization_id": string,
"priority": Database["public"]['Enums']["ticket_priority"],
"resolution_due_at": string | null,
"resolved_at": string | null,
"sentiment": string | null,
"set_by_member": (string)[],
"snoozed_by": string | null,
"snoozed_until": string | null,
"status": string,
"status_category": string,
"subject": string,
"tags": (string)[],
"team_id": string | null,
"updated_at": string
            }
                          SetofOptions: {
        from: "*"
        to: "tickets"
        isOneToOne: true
        isSetofReturn: false
      } },
"permissions":
{ Args: { "organization_id"?: string }; Returns: {
              "allowed": boolean,"kind": string,"least_role": Database["public"]['Enums']["member_role"],"name": string,"permission": string,"sentence": string,"verb": string
            }[]
                           },
"preview":
{ Args: { "ticket": Omit<Database["public"]['Tables']["tickets"]['Row'], Database["public"]['Tables']["tickets"]['ComputedFields']> }; Returns: string
                           },
"publish_article":
{ Args: { "article_id": string }; Returns: {
              "category_id": string | null,
"created_at": string,
"current_version_id": string | null,
"id": string,
"language": string,
"organization_id": string,
"published_at": string | null,
"slug": string,
"status": Database["public"]['Enums']["article_status"],
"updated_at": string
            }
                          SetofOptions: {
        from: "*"
        to: "articles"
        isOneToOne: true
        isSetofReturn: false
      } },
"rate_article":
{ Args: { "article_id": string,"comment"?: string,"helpful": boolean,"reader"?: string }; Returns: undefined
                           },
"rate_ticket":
{ Args: { "comment"?: string,"score": number,"ticket_id": string }; Returns: {
              "answered_by": string | null,
"at": string,
"comment": string,
"contact_id": string,
"created_at": string,
"id": string,
"member_id": string | null,
"organization_id": string,
"score": number,
"survey_id": string,
"team_id": string | null,
"ticket_id": string,
"via": string
            }
                          SetofOptions: {
        from: "*"
        to: "csat_ratings"
        isOneToOne: true
        isSetofReturn: false
      } },
"read_room":
{ Args: { "room_id": string,"seq": number }; Returns: undefined
                           },
"record_session_event":
{ Args: { "name"?: string,"session_id": string,"title"?: string,"url"?: string }; Returns: {
              "created_at": string,
"id": string,
"name": string,
"organization_id": string,
"seq": number,
"session_id": string,
"title": string,
"url": string | null
            }
                          SetofOptions: {
        from: "*"
        to: "session_events"
        isOneToOne: true
        isSetofReturn: false
      } },
"register_session":
{ Args: { "email"?: string,"external_id"?: string,"landing_page"?: string,"locale"?: string,"name"?: string,"organization_id": string,"referrer"?: string,"space_id"?: string,"user_agent"?: string }; Returns: Json
                           },
"reject_draft":
{ Args: { "comment"?: string,"draft_id": string }; Returns: undefined
                           },
"remove_member":
{ Args: { "hand_over_to"?: string,"organization_id": string,"user_id": string }; Returns: number
                           },
"remove_participant":
{ Args: { "contact_id": string,"ticket_id": string }; Returns: boolean
                           },
"replay_failed_webhooks":
{ Args: { "endpoint_id": string }; Returns: number
                           },
"replay_webhook":
{ Args: { "delivery_id": string }; Returns: undefined
                           },
"replay_webhooks":
{ Args: { "endpoint_id": string,"since": string,"until"?: string }; Returns: number
                           },
"request_contact_erasure":
{ Args: { "contact_id": string,"note"?: string }; Returns: {
              "contact_id": string,
"created_at": string,
"done_at": string | null,
"error": string | null,
"expires_at": string | null,
"files": (string)[],
"id": string,
"kind": string,
"manifest": NonNullable<Json>,
"note": string,
"organization_id": string,
"requested_by": string | null,
"state": string,
"updated_at": string
            }
                          SetofOptions: {
        from: "*"
        to: "privacy_requests"
        isOneToOne: true
        isSetofReturn: false
      } },
"request_contact_export":
{ Args: { "contact_id": string,"note"?: string }; Returns: {
              "contact_id": string,
"created_at": string,
"done_at": string | null,
"error": string | null,
"expires_at": string | null,
"files": (string)[],
"id": string,
"kind": string,
"manifest": NonNullable<Json>,
"note": string,
"organization_id": string,
"requested_by": string | null,
"state": string,
"updated_at": string
            }
                          SetofOptions: {
        from: "*"
        to: "privacy_requests"
        isOneToOne: true
        isSetofReturn: false
      } },
"resend_invitation":
{ Args: { "invitation_id": string }; Returns: {
              "accepted_at": string | null,
"created_at": string,
"email": string,
"expires_at": string,
"id": string,
"invited_by": string | null,
"mailed_in": string | null,
"organization_id": string,
"role": Database["public"]['Enums']["member_role"]
            }
                          SetofOptions: {
        from: "*"
        to: "invitations"
        isOneToOne: true
        isSetofReturn: false
      } },
"resolve_outgoing_mail":
{ Args: { "decision": string,"id": string }; Returns: string
                           },
"retry_dead_jobs":
{ Args: { "ids"?: (string)[],"organization_id": string }; Returns: number
                           },
"retry_inbound_mail":
{ Args: { "inbound_mail_id": string }; Returns: {
              "bytes": number,
"content_sha256": string,
"created_at": string,
"decision": NonNullable<Json>,
"deliveries": number,
"dmarc": string | null,
"done_at": string | null,
"envelope_from": string | null,
"id": string,
"id_reused": boolean,
"last_delivered_at": string,
"mail_address_id": string | null,
"message_id": string | null,
"message_id_header": string | null,
"organization_id": string,
"outcome": string | null,
"reason": string | null,
"recipients": (string)[],
"sender": string | null,
"state": Database["public"]['Enums']["inbound_state"],
"subject": string | null,
"ticket_id": string | null,
"updated_at": string,
"verdict": string | null
            }
                          SetofOptions: {
        from: "*"
        to: "inbound_mails"
        isOneToOne: true
        isSetofReturn: false
      } },
"retry_provider_mail":
{ Args: { "provider_mail_id": string }; Returns: {
              "created_at": string,
"envelope_from": string | null,
"id": string,
"inbound_mail_id": string | null,
"locator": string | null,
"organization_id": string | null,
"provider": string,
"provider_id": string,
"reason": string | null,
"recipients": (string)[],
"state": Database["public"]['Enums']["provider_mail_state"],
"updated_at": string,
"verdicts": Json | null
            }
                          SetofOptions: {
        from: "*"
        to: "provider_mails"
        isOneToOne: true
        isSetofReturn: false
      } },
"revoke_api_key":
{ Args: { "api_key_id": string }; Returns: {
              "created_at": string,
"created_by": string | null,
"expires_at": string | null,
"id": string,
"last_used_at": string | null,
"name": string,
"organization_id": string,
"prefix": string,
"revoked_at": string | null,
"role": Database["public"]['Enums']["member_role"],
"scopes": (string)[]
            }
                          SetofOptions: {
        from: "*"
        to: "api_keys"
        isOneToOne: true
        isSetofReturn: false
      } },
"rotate_data_key":
{ Args: { "organization_id": string }; Returns: undefined
                           },
"run_macro":
{ Args: { "expected_seq"?: number,"macro_id": string,"ticket_id": string }; Returns: {
              "ai_state": string,
"assignee_id": string | null,
"category_id": string | null,
"channel": Database["public"]['Enums']["ticket_channel"],
"contact_id": string,
"created_at": string,
"erased_at": string | null,
"fields": NonNullable<Json>,
"first_responded_at": string | null,
"first_response_due_at": string | null,
"id": string,
"is_spam": boolean,
"language": string | null,
"last_answer_at": string | null,
"last_answer_by": string | null,
"last_contact_at": string | null,
"last_message_at": string,
"last_seq": number,
"mail_address_id": string | null,
"merged_into": string | null,
"next_response_due_at": string | null,
"number": number,
"organization_id": string,
"priority": Database["public"]['Enums']["ticket_priority"],
"resolution_due_at": string | null,
"resolved_at": string | null,
"sentiment": string | null,
"set_by_member": (string)[],
"snoozed_by": string | null,
"snoozed_until": string | null,
"status": string,
"status_category": string,
"subject": string,
"tags": (string)[],
"team_id": string | null,
"updated_at": string
            }
                          SetofOptions: {
        from: "*"
        to: "tickets"
        isOneToOne: true
        isSetofReturn: false
      } },
"save_article":
{ Args: { "article_id": string,"body": string,"title": string }; Returns: {
              "category_id": string | null,
"created_at": string,
"current_version_id": string | null,
"id": string,
"language": string,
"organization_id": string,
"published_at": string | null,
"slug": string,
"status": Database["public"]['Enums']["article_status"],
"updated_at": string
            }
                          SetofOptions: {
        from: "*"
        to: "articles"
        isOneToOne: true
        isSetofReturn: false
      } },
"say_in_chat":
{ Args: { "body": string,"external_id"?: string,"wants_person"?: boolean }; Returns: {
              "body_html": string | null,
"body_text": string,
"contact_id": string | null,
"created_at": string,
"id": string,
"is_internal": boolean,
"is_machine": boolean,
"is_verified": boolean,
"member_id": string | null,
"message_id_header": string | null,
"organization_id": string,
"process": boolean,
"reply_text": string | null,
"sender": Database["public"]['Enums']["message_sender"],
"sender_status": string,
"seq": number,
"ticket_id": string,
"wants_person": boolean
            }
                          SetofOptions: {
        from: "*"
        to: "messages"
        isOneToOne: true
        isSetofReturn: false
      } },
"say_in_room":
{ Args: { "body": string,"room_id": string }; Returns: {
              "body": string,
"created_at": string,
"deleted_at": string | null,
"edited_at": string | null,
"id": string,
"organization_id": string,
"room_id": string,
"seq": number,
"user_id": string | null
            }
                          SetofOptions: {
        from: "*"
        to: "room_messages"
        isOneToOne: true
        isSetofReturn: false
      } },
"search_articles":
{ Args: { "embedding"?: string,"language"?: string,"max_articles"?: number,"organization_id": string,"query": string }; Returns: {
              "article_id": string,"chunk_id": string,"excerpt": string,"heading": string,"score": number,"slug": string,"title": string,"version_id": string,"written_in": string
            }[]
                           },
"search_contacts":
{ Args: { "max_contacts"?: number,"organization_id": string,"query": string }; Returns: {
              "company_id": string | null,
"consent_source": string | null,
"created_at": string,
"email": string | null,
"erased_at": string | null,
"fields": NonNullable<Json>,
"id": string,
"language": string | null,
"merged_into": string | null,
"name": string,
"organization_id": string,
"phone": string | null,
"source": string,
"subscription_changed_at": string | null,
"subscription_changed_by": string | null,
"subscription_status": string,
"suppressed_at": string | null,
"suppressed_because": string | null,
"updated_at": string
            }[]
                          SetofOptions: {
        from: "*"
        to: "contacts"
        isOneToOne: false
        isSetofReturn: true
      } },
"search_messages":
{ Args: { "before_number"?: number,"conditions"?: Json,"in_ticket"?: string,"max_messages"?: number,"organization_id": string,"query": string }; Returns: {
              "created_at": string,"id": string,"is_internal": boolean,"number": number,"rank": number,"sender": Database["public"]['Enums']["message_sender"],"seq": number,"snippet": string,"subject": string,"ticket_id": string
            }[]
                           },
"search_tickets":
{ Args: { "before_rank"?: number,"conditions"?: Json,"max_tickets"?: number,"organization_id": string,"query": string }; Returns: {
              "assignee_id": string,"channel": Database["public"]['Enums']["ticket_channel"],"contact_email": string,"contact_id": string,"contact_name": string,"created_at": string,"id": string,"last_message_at": string,"number": number,"priority": Database["public"]['Enums']["ticket_priority"],"rank": number,"snippet": string,"status": string,"status_category": string,"subject": string,"tags": (string)[],"team_id": string
            }[]
                           },
"send_form":
{ Args: { "expected_seq": number,"template_id": string,"ticket_id": string }; Returns: {
              "answer_id": string | null,
"answered_at": string | null,
"answers": Json | null,
"contact_id": string,
"created_at": string,
"expires_at": string,
"fields": NonNullable<Json>,
"id": string,
"message_id": string,
"organization_id": string,
"status": string,
"template_id": string | null,
"ticket_id": string,
"title": string
            }
                          SetofOptions: {
        from: "*"
        to: "action_forms"
        isOneToOne: true
        isSetofReturn: false
      } },
"send_reply":
{ Args: { "body": string,"expected_seq": number,"files"?: (string)[],"internal"?: boolean,"ticket_id": string }; Returns: {
              "body_html": string | null,
"body_text": string,
"contact_id": string | null,
"created_at": string,
"id": string,
"is_internal": boolean,
"is_machine": boolean,
"is_verified": boolean,
"member_id": string | null,
"message_id_header": string | null,
"organization_id": string,
"process": boolean,
"reply_text": string | null,
"sender": Database["public"]['Enums']["message_sender"],
"sender_status": string,
"seq": number,
"ticket_id": string,
"wants_person": boolean
            }
                          SetofOptions: {
        from: "*"
        to: "messages"
        isOneToOne: true
        isSetofReturn: false
      } },
"send_test_webhook":
{ Args: { "endpoint_id": string }; Returns: string
                           },
"set_article_status":
{ Args: { "article_id": string,"status": Database["public"]['Enums']["article_status"] }; Returns: {
              "category_id": string | null,
"created_at": string,
"current_version_id": string | null,
"id": string,
"language": string,
"organization_id": string,
"published_at": string | null,
"slug": string,
"status": Database["public"]['Enums']["article_status"],
"updated_at": string
            }
                          SetofOptions: {
        from: "*"
        to: "articles"
        isOneToOne: true
        isSetofReturn: false
      } },
"set_availability":
{ Args: { "organization_id": string,"status": string }; Returns: undefined
                           },
"set_digest":
{ Args: { "digest"?: string,"digest_hour"?: number,"mail"?: boolean,"organization_id": string,"time_zone"?: string }; Returns: {
              "created_at": string,
"digest": string,
"digest_hour": number,
"mail_stopped_at": string | null,
"mail_stopped_because": string | null,
"organization_id": string,
"time_zone": string | null,
"updated_at": string,
"user_id": string
            }
                          SetofOptions: {
        from: "*"
        to: "notification_settings"
        isOneToOne: true
        isSetofReturn: false
      } },
"set_display_name":
{ Args: { "display_name": string,"organization_id": string }; Returns: undefined
                           },
"set_fields":
{ Args: { "fields": Json,"id": string,"target": string }; Returns: Json
                           },
"set_my_subscription":
{ Args: { "is_subscribed": boolean,"organization_id": string }; Returns: undefined
                           },
"similar_tickets":
{ Args: { "max_tickets"?: number,"ticket_id": string }; Returns: {
              "contact_id": string,"created_at": string,"is_same_contact": boolean,"likeness": number,"number": number,"other_ticket_id": string,"status": string,"subject": string
            }[]
                           },
"snooze_ticket":
{ Args: { "ticket_id": string,"until": string }; Returns: {
              "ai_state": string,
"assignee_id": string | null,
"category_id": string | null,
"channel": Database["public"]['Enums']["ticket_channel"],
"contact_id": string,
"created_at": string,
"erased_at": string | null,
"fields": NonNullable<Json>,
"first_responded_at": string | null,
"first_response_due_at": string | null,
"id": string,
"is_spam": boolean,
"language": string | null,
"last_answer_at": string | null,
"last_answer_by": string | null,
"last_contact_at": string | null,
"last_message_at": string,
"last_seq": number,
"mail_address_id": string | null,
"merged_into": string | null,
"next_response_due_at": string | null,
"number": number,
"organization_id": string,
"priority": Database["public"]['Enums']["ticket_priority"],
"resolution_due_at": string | null,
"resolved_at": string | null,
"sentiment": string | null,
"set_by_member": (string)[],
"snoozed_by": string | null,
"snoozed_until": string | null,
"status": string,
"status_category": string,
"subject": string,
"tags": (string)[],
"team_id": string | null,
"updated_at": string
            }
                          SetofOptions: {
        from: "*"
        to: "tickets"
        isOneToOne: true
        isSetofReturn: false
      } },
"split_mail":
{ Args: { "message_id": string }; Returns: {
              "ai_state": string,
"assignee_id": string | null,
"category_id": string | null,
"channel": Database["public"]['Enums']["ticket_channel"],
"contact_id": string,
"created_at": string,
"erased_at": string | null,
"fields": NonNullable<Json>,
"first_responded_at": string | null,
"first_response_due_at": string | null,
"id": string,
"is_spam": boolean,
"language": string | null,
"last_answer_at": string | null,
"last_answer_by": string | null,
"last_contact_at": string | null,
"last_message_at": string,
"last_seq": number,
"mail_address_id": string | null,
"merged_into": string | null,
"next_response_due_at": string | null,
"number": number,
"organization_id": string,
"priority": Database["public"]['Enums']["ticket_priority"],
"resolution_due_at": string | null,
"resolved_at": string | null,
"sentiment": string | null,
"set_by_member": (string)[],
"snoozed_by": string | null,
"snoozed_until": string | null,
"status": string,
"status_category": string,
"subject": string,
"tags": (string)[],
"team_id": string | null,
"updated_at": string
            }
                          SetofOptions: {
        from: "*"
        to: "tickets"
        isOneToOne: true
        isSetofReturn: false
      } },
"split_ticket":
{ Args: { "message_ids": (string)[],"subject"?: string,"ticket_id": string }; Returns: {
              "ai_state": string,
"assignee_id": string | null,
"category_id": string | null,
"channel": Database["public"]['Enums']["ticket_channel"],
"contact_id": string,
"created_at": string,
"erased_at": string | null,
"fields": NonNullable<Json>,
"first_responded_at": string | null,
"first_response_due_at": string | null,
"id": string,
"is_spam": boolean,
"language": string | null,
"last_answer_at": string | null,
"last_answer_by": string | null,
"last_contact_at": string | null,
"last_message_at": string,
"last_seq": number,
"mail_address_id": string | null,
"merged_into": string | null,
"next_response_due_at": string | null,
"number": number,
"organization_id": string,
"priority": Database["public"]['Enums']["ticket_priority"],
"resolution_due_at": string | null,
"resolved_at": string | null,
"sentiment": string | null,
"set_by_member": (string)[],
"snoozed_by": string | null,
"snoozed_until": string | null,
"status": string,
"status_category": string,
"subject": string,
"tags": (string)[],
"team_id": string | null,
"updated_at": string
            }
                          SetofOptions: {
        from: "*"
        to: "tickets"
        isOneToOne: true
        isSetofReturn: false
      } },
"submit_form":
{ Args: { "answers": Json,"form_id": string }; Returns: {
              "answer_id": string | null,
"answered_at": string | null,
"answers": Json | null,
"contact_id": string,
"created_at": string,
"expires_at": string,
"fields": NonNullable<Json>,
"id": string,
"message_id": string,
"organization_id": string,
"status": string,
"template_id": string | null,
"ticket_id": string,
"title": string
            }
                          SetofOptions: {
        from: "*"
        to: "action_forms"
        isOneToOne: true
        isSetofReturn: false
      } },
"tag_with_descendants":
{ Args: { "tag_id": string }; Returns: {
              "color": string,
"created_at": string,
"id": string,
"merged_into": string | null,
"name": string,
"organization_id": string,
"parent_id": string | null,
"removed_at": string | null,
"updated_at": string
            }[]
                          SetofOptions: {
        from: "*"
        to: "tags"
        isOneToOne: false
        isSetofReturn: true
      } },
"take_next":
{ Args: { "organization_id": string }; Returns: {
              "ai_state": string,
"assignee_id": string | null,
"category_id": string | null,
"channel": Database["public"]['Enums']["ticket_channel"],
"contact_id": string,
"created_at": string,
"erased_at": string | null,
"fields": NonNullable<Json>,
"first_responded_at": string | null,
"first_response_due_at": string | null,
"id": string,
"is_spam": boolean,
"language": string | null,
"last_answer_at": string | null,
"last_answer_by": string | null,
"last_contact_at": string | null,
"last_message_at": string,
"last_seq": number,
"mail_address_id": string | null,
"merged_into": string | null,
"next_response_due_at": string | null,
"number": number,
"organization_id": string,
"priority": Database["public"]['Enums']["ticket_priority"],
"resolution_due_at": string | null,
"resolved_at": string | null,
"sentiment": string | null,
"set_by_member": (string)[],
"snoozed_by": string | null,
"snoozed_until": string | null,
"status": string,
"status_category": string,
"subject": string,
"tags": (string)[],
"team_id": string | null,
"updated_at": string
            }[]
                          SetofOptions: {
        from: "*"
        to: "tickets"
        isOneToOne: false
        isSetofReturn: true
      } },
"ticket_metrics":
{ Args: { "ticket_id": string }; Returns: {
              "agent_id": string,"at": string,"handled_by": string,"measure": string,"score": number,"seconds": number,"team_id": string
            }[]
                           },
"tickets_tagged":
{ Args: { "before_ticket_id"?: string,"max_tickets"?: number,"tag_id": string,"with_descendants"?: boolean }; Returns: {
              "ai_state": string,
"assignee_id": string | null,
"category_id": string | null,
"channel": Database["public"]['Enums']["ticket_channel"],
"contact_id": string,
"created_at": string,
"erased_at": string | null,
"fields": NonNullable<Json>,
"first_responded_at": string | null,
"first_response_due_at": string | null,
"id": string,
"is_spam": boolean,
"language": string | null,
"last_answer_at": string | null,
"last_answer_by": string | null,
"last_contact_at": string | null,
"last_message_at": string,
"last_seq": number,
"mail_address_id": string | null,
"merged_into": string | null,
"next_response_due_at": string | null,
"number": number,
"organization_id": string,
"priority": Database["public"]['Enums']["ticket_priority"],
"resolution_due_at": string | null,
"resolved_at": string | null,
"sentiment": string | null,
"set_by_member": (string)[],
"snoozed_by": string | null,
"snoozed_until": string | null,
"status": string,
"status_category": string,
"subject": string,
"tags": (string)[],
"team_id": string | null,
"updated_at": string
            }[]
                          SetofOptions: {
        from: "*"
        to: "tickets"
        isOneToOne: false
        isSetofReturn: true
      } },
"transfer_ownership":
{ Args: { "organization_id": string,"user_id": string }; Returns: undefined
                           },
"typed_id":
{ Args: { "id": string,"noun": string }; Returns: string
                           },
"undo_move":
{ Args: { "move_id": string }; Returns: {
              "contact_ids": (string)[],
"created_at": string,
"from_ticket_id": string,
"id": string,
"kind": string,
"links": NonNullable<Json>,
"message_ids": (string)[],
"moved_by": string | null,
"organization_id": string,
"status_before": string | null,
"tags": (string)[],
"to_ticket_id": string,
"undone_at": string | null,
"undone_by": string | null
            }
                          SetofOptions: {
        from: "*"
        to: "ticket_moves"
        isOneToOne: true
        isSetofReturn: false
      } },
"unmerge_contacts":
{ Args: { "merge_id": string }; Returns: {
              "created_at": string,
"filled": NonNullable<Json>,
"id": string,
"loser_email": string | null,
"loser_id": string,
"loser_name": string,
"merged_by": string | null,
"moved": NonNullable<Json>,
"organization_id": string,
"undone_at": string | null,
"undone_by": string | null,
"winner_id": string
            }
                          SetofOptions: {
        from: "*"
        to: "contact_merges"
        isOneToOne: true
        isSetofReturn: false
      } },
"unread":
{ Args: { "ticket": Omit<Database["public"]['Tables']["tickets"]['Row'], Database["public"]['Tables']["tickets"]['ComputedFields']> }; Returns: number
                           },
"unread_counts":
{ Args: { "organization_id": string }; Returns: {
              "mine": number,"unassigned": number
            }[]
                           },
"unread_rooms":
{ Args: { "organization_id": string }; Returns: {
              "last_seq": number,"room_id": string,"unread": number
            }[]
                           },
"unsuppress_contact":
{ Args: { "contact_id": string }; Returns: boolean
                           },
"upsert_contact":
{ Args: { "company_id"?: string,"email"?: string,"external_id"?: string,"fields"?: Json,"language"?: string,"name"?: string,"organization_id": string,"phone"?: string,"source"?: string,"system"?: string }; Returns: {
              "company_id": string | null,
"consent_source": string | null,
"created_at": string,
"email": string | null,
"erased_at": string | null,
"fields": NonNullable<Json>,
"id": string,
"language": string | null,
"merged_into": string | null,
"name": string,
"organization_id": string,
"phone": string | null,
"source": string,
"subscription_changed_at": string | null,
"subscription_changed_by": string | null,
"subscription_status": string,
"suppressed_at": string | null,
"suppressed_because": string | null,
"updated_at": string
            }
                          SetofOptions: {
        from: "*"
        to: "contacts"
        isOneToOne: true
        isSetofReturn: false
      } },
"usage":
{ Args: { "organization_id": string }; Returns: {
              "allowed": number,"used": number,"what": string
            }[]
                           },
"uuid_of":
{ Args: { "typed_id": string }; Returns: string
                           },
"verify_audit":
{ Args: { "organization_id": string }; Returns: Json
                           },
"view_counts":
{ Args: { "organization_id": string }; Returns: {
              "is_capped": boolean,"tickets": number,"view_id": string
            }[]
                           },
"view_tickets":
{ Args: { "after"?: Json,"max_tickets"?: number,"view_id": string }; Returns: {
              "ai_state": string,
"assignee_id": string | null,
"category_id": string | null,
"channel": Database["public"]['Enums']["ticket_channel"],
"contact_id": string,
"created_at": string,
"erased_at": string | null,
"fields": NonNullable<Json>,
"first_responded_at": string | null,
"first_response_due_at": string | null,
"id": string,
"is_spam": boolean,
"language": string | null,
"last_answer_at": string | null,
"last_answer_by": string | null,
"last_contact_at": string | null,
"last_message_at": string,
"last_seq": number,
"mail_address_id": string | null,
"merged_into": string | null,
"next_response_due_at": string | null,
"number": number,
"organization_id": string,
"priority": Database["public"]['Enums']["ticket_priority"],
"resolution_due_at": string | null,
"resolved_at": string | null,
"sentiment": string | null,
"set_by_member": (string)[],
"snoozed_by": string | null,
"snoozed_until": string | null,
"status": string,
"status_category": string,
"subject": string,
"tags": (string)[],
"team_id": string | null,
"updated_at": string
            }[]
                          SetofOptions: {
        from: "*"
        to: "tickets"
        isOneToOne: false
        isSetofReturn: true
      } }
          }
          Enums: {
            "article_status": "draft"|"published"|"archived","inbound_state": "received"|"parsed"|"threaded"|"done"|"quarantined","mail_delivery": "sent"|"delayed"|"soft_bounced"|"delivered"|"suppressed"|"failed"|"bounced"|"complained","member_role": "viewer"|"agent"|"manager"|"admin"|"owner","message_sender": "contact"|"member"|"ai"|"system","provider_mail_state": "announced"|"waiting"|"kept"|"unaddressed"|"failed","status_category": "open"|"waiting"|"resolved","ticket_channel": "email"|"portal"|"chat"|"api"|"telegram"|"whatsapp"|"linkedin"|"phone"|"social","ticket_priority": "low"|"normal"|"high"|"urgent","webhook_state": "waiting"|"delivered"|"failed"
          }
          CompositeTypes: {
            "backlog_row": {
                        "key": string | null,"label": string | null,"unresolved": number | null,"open": number | null,"waiting": number | null,"oldest": string | null,"age_days_p50": number | null,"age_days_p90": number | null,"days_0": number | null,"days_1_to_3": number | null,"days_4_to_7": number | null,"days_8_to_30": number | null,"days_over_30": number | null
                      },"metrics_row": {
                        "period": string | null,"key": string | null,"label": string | null,"created": number | null,"questions": number | null,"answers": number | null,"first_responses": number | null,"first_response_mean": number | null,"first_response_p50": number | null,"first_response_p90": number | null,"next_responses": number | null,"next_response_mean": number | null,"next_response_p50": number | null,"next_response_p90": number | null,"full_resolutions": number | null,"full_resolution_mean": number | null,"full_resolution_p50": number | null,"full_resolution_p90": number | null,"sla_kept": number | null,"sla_broken": number | null,"sla_percent": number | null,"sla_first_response_percent": number | null,"sla_next_response_percent": number | null,"sla_resolution_percent": number | null,"csat_ratings": number | null,"csat_mean": number | null,"csat_percent": number | null,"resolved": number | null,"resolved_by_ai": number | null,"resolved_by_member": number | null,"resolved_by_both": number | null,"resolved_by_nobody": number | null,"confirmed": number | null,"disputed": number | null,"reopened": number | null,"assumed": number | null,"pending": number | null
                      }
          }
        }
}

type DatabaseWithoutInternals = Omit<Database, '__InternalSupabase'>

type DefaultSchema = DatabaseWithoutInternals[Extract<keyof Database, "public">]

export type Tables<
  DefaultSchemaTableNameOrOptions extends
    | keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
        DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
      DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])[TableName] extends {
      Row: infer R
    }
    ? R
    : never
  : DefaultSchemaTableNameOrOptions extends keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
  ? (DefaultSchema["Tables"] & DefaultSchema["Views"])[DefaultSchemaTableNameOrOptions] extends {
      Row: infer R
    }
    ? R
    : never
  : never

export type TablesInsert<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Insert: infer I
    }
    ? I
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
  ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Insert: infer I
    }
    ? I
    : never
  : never

export type TablesUpdate<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Update: infer U
    }
    ? U
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
  ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Update: infer U
    }
    ? U
    : never
  : never

export type Enums<
  DefaultSchemaEnumNameOrOptions extends
    | keyof DefaultSchema["Enums"]
    | { schema: keyof DatabaseWithoutInternals },
  EnumName extends DefaultSchemaEnumNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"]
    : never = never
> = DefaultSchemaEnumNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"][EnumName]
  : DefaultSchemaEnumNameOrOptions extends keyof DefaultSchema["Enums"]
  ? DefaultSchema["Enums"][DefaultSchemaEnumNameOrOptions]
  : never

export type CompositeTypes<
  PublicCompositeTypeNameOrOptions extends
    | keyof DefaultSchema["CompositeTypes"]
    | { schema: keyof DatabaseWithoutInternals },
  CompositeTypeName extends PublicCompositeTypeNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"]
    : never = never
> = PublicCompositeTypeNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"][CompositeTypeName]
  : PublicCompositeTypeNameOrOptions extends keyof DefaultSchema["CompositeTypes"]
  ? DefaultSchema["CompositeTypes"][PublicCompositeTypeNameOrOptions]
  : never

export const Constants = {
  "public": {
          Enums: {
            "article_status": ["draft", "published", "archived"],"inbound_state": ["received", "parsed", "threaded", "done", "quarantined"],"mail_delivery": ["sent", "delayed", "soft_bounced", "delivered", "suppressed", "failed", "bounced", "complained"],"member_role": ["viewer", "agent", "manager", "admin", "owner"],"message_sender": ["contact", "member", "ai", "system"],"provider_mail_state": ["announced", "waiting", "kept", "unaddressed", "failed"],"status_category": ["open", "waiting", "resolved"],"ticket_channel": ["email", "portal", "chat", "api", "telegram", "whatsapp", "linkedin", "phone", "social"],"ticket_priority": ["low", "normal", "high", "urgent"],"webhook_state": ["waiting", "delivered", "failed"]
          }
        }
} as const
